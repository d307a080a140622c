package istiod

import (
	"slices"
	"time"
)

// compares says whether what the replica holds matters.
func (x *waiter) compares(replica string) bool {
	return x.want.Status == Synced && x.want.Held[replica] != nil
}

// compare has a waiter see a replica that is synced since start, once it has told what it holds. Its document may be large:
// nobody else waits for it.
func (w *Watcher) compare(r *watched, x *waiter, start time.Time) {
	if r.comparing == nil {
		r.comparing = map[*waiter]bool{}
	}
	r.comparing[x] = true
	w.ask(r, ask{x.want.Cluster, func(h held) {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(r.comparing, x)
		if !slices.Contains(w.waiters, x) || !slices.Contains(w.replicas, r) {
			return // what it compares with is its caller's again, or the replica is gone
		}
		s := sight{status: Synced, err: h.err, took: time.Since(start)}
		if h.err == nil {
			s.lost = h.Lacks(x.want.Held[r.Name])
		}
		r.last = time.Now()
		w.heard(r, start, w.see(x, r.Name, s), h.err)
		r.wake()
	}})
}
