package peering

import (
	"context"
	"sync"
)

// slots bound how many do something at a time.
type slots chan struct{}

func (s slots) take() { s <- struct{}{} }
func (s slots) give() { <-s }

// each calls do for 0 to n-1, as many at a time as there are slots of work.
func (r *run) each(_ context.Context, n int, do func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		r.slots.take()
		wg.Go(func() {
			defer r.slots.give()
			do(i)
		})
	}
	wg.Wait()
}

// inWave carries out one link when its From has few enough links in doubt: written, and not yet confirmed by its istiods, of
// which none should have to sync with a whole mesh at once. Work takes a slot besides.
func (r *run) inWave(ctx context.Context, t *task) LinkReport {
	if t.writes() {
		wave := r.waves[t.From]
		wave.take()
		defer wave.give()
	}
	r.slots.take()
	defer r.slots.give()
	return r.carryOut(ctx, t)
}

// idle waits without a slot of work.
func (r *run) idle(wait func() bool) bool {
	r.slots.give()
	defer r.slots.take()
	return wait()
}
