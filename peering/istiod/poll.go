package istiod

import (
	"context"
	"fmt"
	"time"
)

// watched is a replica and how far its poll is, under the Watcher's mutex.
type watched struct {
	Replica
	stop   context.CancelFunc // of its poll; nil before the first
	due    chan struct{}      // has the poll look who waits
	last   time.Time          // start of the last request; zero: none yet
	pause  time.Duration
	failed bool // and a list was asked for on that account

	asked   []ask // for what it holds, by those whom no request serves yet
	reading bool  // such a request is under way
}

func (r *watched) wake() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// startPoll of a replica, until nobody waits or it is gone.
func (w *Watcher) startPoll(r *watched) {
	ctx, stop := context.WithCancel(w.work)
	due := make(chan struct{}, 1)
	r.stop, r.due = stop, due
	w.running.Go(func() {
		defer stop()
		var waiters []*waiter
		for {
			w.mu.Lock()
			pause, some := w.untilPoll(r)
			w.mu.Unlock()
			var tick <-chan time.Time
			if some {
				tick = time.After(pause)
			}
			select {
			case <-ctx.Done():
				return
			case <-due:
			case <-tick:
				waiters = w.poll(ctx, r, waiters[:0])
			}
		}
	})
}

// untilPoll is the time until the next request of use to somebody.
func (w *Watcher) untilPoll(r *watched) (pause time.Duration, some bool) {
	var next time.Time
	for _, x := range w.waiters {
		if x.want == nil {
			continue
		}
		at := r.last.Add(r.pause)
		if _, seen := x.sights[r.Name]; !seen {
			at = r.last.Add(firstTick)
			if at.Before(x.want.Since) {
				at = x.want.Since
			}
		} else if x.once {
			continue
		}
		if !some || at.Before(next) {
			next, some = at, true
		}
	}
	return time.Until(next), some
}

// poll asks a replica once for all waiters whom the answer serves.
func (w *Watcher) poll(ctx context.Context, r *watched, served []*waiter) []*waiter {
	w.mu.Lock()
	replica, start := r.Replica, time.Now()
	r.last = start
	w.mu.Unlock()

	clusters, err := limited(ctx, askLimit, replica.Clusterz)
	took := time.Since(start)

	var compared []string
	w.mu.Lock()
	for _, x := range w.waiters {
		if x.want == nil || start.Before(x.want.Since) {
			continue
		}
		served = append(served, x)
		if x.compares(replica.Name) && statusOf(clusters, x.want.Cluster, x.want.Secret) == Synced {
			compared = append(compared, x.want.Cluster)
		}
	}
	w.mu.Unlock()

	var holds map[string]*Holding
	var unheld error
	if len(compared) > 0 {
		holds, unheld = limited(ctx, holdLimit, func(ctx context.Context) (map[string]*Holding, error) {
			return replica.HoldingsOf(ctx, compared...)
		})
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return served // nobody waits, or the replica is gone
	}
	changed := false
	for _, x := range served {
		s := sight{took: took, err: err}
		if err == nil {
			s.status = statusOf(clusters, x.want.Cluster, x.want.Secret)
		}
		if s.status == Synced && x.compares(replica.Name) {
			if unheld != nil {
				s.err = unheld
			} else {
				s.lost = holds[x.want.Cluster].Lacks(x.want.Held[replica.Name])
			}
		}
		if x.see(replica.Name, s) {
			x.changed, changed = w.started, true
		}
	}
	if changed || r.pause == 0 {
		r.pause = firstTick
	} else {
		r.pause = min(2*r.pause, lastTick)
	}
	switch failed := err != nil || unheld != nil; {
	case !failed:
		r.failed = false
	case !r.failed && time.Since(w.attempt) >= lastTick: // one that comes and goes costs no list each time
		w.request() // it may have been replaced
		r.failed = true
	}
	return served
}

// compares says whether what the replica holds matters.
func (x *waiter) compares(replica string) bool {
	return x.want.Status == Synced && x.want.Held[replica] != nil
}

// see notes what a replica said, and says whether it is another thing than before.
func (x *waiter) see(replica string, s sight) bool {
	before, seen := x.sights[replica]
	changed := !seen || !s.same(before)
	x.sights[replica] = s
	if changed || s.lost != nil || s.err != nil { // what is lost may have gone meanwhile; the last error is the one to show
		x.fresh[replica] = true
		x.wake()
	}
	return changed
}

// limited is one request, which has its own limit within ctx.
func limited[T any](ctx context.Context, limit time.Duration, request func(context.Context) (T, error)) (T, error) {
	own, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer, err := request(own)
	if err != nil && ctx.Err() == nil && own.Err() != nil {
		err = fmt.Errorf("%w: no answer within %s: %w", ErrNotReady, limit, err)
	}
	return answer, err
}
