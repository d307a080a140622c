//go:build linux

package main

import (
	"context"
	"time"
)

// patience bounds whatever is awaited on the lab: it is there much sooner.
const patience = 30 * time.Second

// tick is the pause between two looks of what stands beside the SDK: short, so that waiting costs it next to nothing.
const tick = time.Millisecond

// poll looks until it is done, an error comes, or ctx ends.
func poll(ctx context.Context, look func() (done bool, err error)) error {
	for {
		done, err := look()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(tick):
		}
	}
}
