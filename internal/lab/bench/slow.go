//go:build linux

package main

import (
	"context"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// latency is what a call to an API server takes in memory.
const latency = 5 * time.Millisecond

// wait is one call's time.
func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(latency):
		return nil
	}
}

// slow is an API server that is away: each call takes latency first. What else it can do it does at once.
type slow struct{ peering.Objects }

func (s slow) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Objects.Get(ctx, like)
}

func (s slow) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Objects.List(ctx, like, selector)
}

func (s slow) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Objects.Create(ctx, o)
}

func (s slow) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Objects.Update(ctx, o)
}

func (s slow) Delete(ctx context.Context, o peering.Object) error {
	if err := wait(ctx); err != nil {
		return err
	}
	return s.Objects.Delete(ctx, o)
}

// slowReader is the same for what preflight reads.
type slowReader struct{ preflight.Reader }

func (s slowReader) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Reader.Get(ctx, like)
}

func (s slowReader) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return s.Reader.List(ctx, like, selector)
}

// slowDown puts latency in front of every way to the cluster's API server.
func slowDown(c *peering.Cluster) {
	as := c.As
	c.Objects = slow{c.Objects}
	c.As = func(e secrets.Endpoint, t secrets.Token) (peering.Objects, error) {
		objects, err := as(e, t)
		return slow{objects}, err
	}
	if c.Checks == nil {
		return
	}
	checks := *c.Checks
	may, ask := checks.May, checks.Ask
	checks.Reader = slowReader{checks.Reader}
	checks.May = func(ctx context.Context, a rbac.Access) (bool, error) {
		if err := wait(ctx); err != nil {
			return false, err
		}
		return may(ctx, a)
	}
	checks.Ask = func(ctx context.Context, path string) (preflight.Answer, error) {
		if err := wait(ctx); err != nil {
			return preflight.Answer{}, err
		}
		return ask(ctx, path)
	}
	c.Checks = &checks
}
