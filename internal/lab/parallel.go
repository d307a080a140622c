//go:build linux

package lab

import (
	"context"
	"errors"
	"sync"
)

// parallel runs all tasks at once and waits for them; the first failure ends the context of the others, and only
// failures that are not its echo are returned.
func parallel(ctx context.Context, tasks ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(tasks))
	var wait sync.WaitGroup
	for i, task := range tasks {
		wait.Go(func() {
			err := task(ctx)
			if err == nil || errors.Is(context.Cause(ctx), errSibling) {
				return
			}
			errs[i] = err
			cancel(errSibling)
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errSibling) {
		return errSibling // an outer parallel failed: what ran here may be half done
	}
	return nil
}

var errSibling = errors.New("lab: another step failed")
