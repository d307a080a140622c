package istiod

import (
	"slices"
	"time"
)

// compares says whether what the replica holds matters.
func (x *waiter) compares(replica string) bool {
	return x.want.Status == Synced && x.want.Held[replica] != nil
}

// compare has a waiter see a replica that says synced since start, once it has told what it holds. Its document may be large:
// nobody else waits for it.
func (w *Watcher) compare(r *watched, x *waiter, start time.Time) {
	if !r.comparing[x].IsZero() {
		return
	}
	if r.comparing == nil {
		r.comparing = map[*waiter]time.Time{}
	}
	r.comparing[x] = start
	w.ask(r, ask{x.want.Cluster, func(h held) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.comparing[x] != start {
			return // it has said another thing meanwhile
		}
		delete(r.comparing, x)
		if !slices.Contains(w.waiters, x) || !slices.Contains(w.replicas, r) {
			return // what it compares with is its caller's again, or the replica is gone
		}
		s := sight{status: Synced, err: h.err, took: time.Since(start)}
		if h.err == nil {
			s.lost = h.Lacks(x.want.Held[r.Name])
		}
		r.last = time.Now() // or what takes long would be asked again at once
		r.heard(start, w.see(x, r.Name, s))
		r.wake()
	}})
}
