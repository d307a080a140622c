package peering

import (
	"context"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// remember notes what every replica holds just before the remote secret changes. A replica that cannot tell is not compared.
func (w *work) remember(ctx context.Context) {
	var mu sync.Mutex
	held := map[string]*istiod.Holding{}
	var wg sync.WaitGroup
	for _, r := range w.from.replicas {
		wg.Go(func() {
			if h, err := r.Holding(ctx, w.To.ID.String()); err == nil {
				mu.Lock()
				defer mu.Unlock()
				held[r.Name] = h
			}
		})
	}
	wg.Wait()
	w.held, w.changed = held, time.Now()
}

// settled is how long a replica is given to notice the changed Secret: it watches Secrets, and a swap was seen to take a
// tenth of that. Before, "synced" may still be about the old credential.
const settled = time.Second

// kept says whether a replica that is synced has again what it had.
func (w *work) kept(ctx context.Context, r istiod.Replica) bool {
	if !w.changed.IsZero() && time.Since(w.changed) < settled {
		return false
	}
	before := w.held[r.Name]
	if before == nil {
		return true
	}
	now, err := r.Holding(ctx, w.To.ID.String())
	return err == nil && now.Covers(before)
}
