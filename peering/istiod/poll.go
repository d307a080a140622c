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
	last   time.Time          // start of the last clusterz, or end of a comparison since; zero: none yet
	news   time.Time          // start of the last request that brought something new
	pause  time.Duration
	ahead  chan struct{}   // closed when its connection is open that Connect asked for; nil: nobody did
	failed bool            // and a list was asked for on that account
	room   []RemoteCluster // of the last clusterz, for the next

	asked   []ask // for what it holds, by those whom no request serves yet
	reading bool  // such a request is under way
	// comparing are those who wait for it, and for no clusterz meanwhile, each with the start of that which said synced.
	comparing map[*waiter]time.Time
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
		for ctx.Err() == nil {
			w.mu.Lock()
			pause, some := w.untilPoll(r)
			w.mu.Unlock()
			if some && pause <= 0 {
				w.connecting(ctx, r)
				w.poll(ctx, r)
				continue
			}
			var tick <-chan time.Time
			if some {
				tick = time.After(pause)
			}
			select {
			case <-ctx.Done():
			case <-due:
			case <-tick: // whoever it was for may have left
			}
		}
	})
}

// untilPoll is the time until the next request of use to somebody.
func (w *Watcher) untilPoll(r *watched) (pause time.Duration, some bool) {
	var next time.Time
	for _, x := range w.waiters {
		if x.want == nil || !r.comparing[x].IsZero() {
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

// poll asks a replica for its clusters once, for all waiters whom the answer serves.
func (w *Watcher) poll(ctx context.Context, r *watched) {
	w.mu.Lock()
	if ctx.Err() != nil {
		w.mu.Unlock()
		return // the poll that is over, not the one that follows it
	}
	replica, room, start := r.Replica, r.room, time.Now()
	r.last, r.room = start, nil // which a poll that is over may still use
	w.mu.Unlock()
	clusters, err := limited(ctx, askLimit, func(ctx context.Context) ([]RemoteCluster, error) {
		return replica.clusterz(ctx, room)
	})
	took := time.Since(start)

	w.mu.Lock()
	defer w.mu.Unlock()
	r.room = clusters
	if ctx.Err() != nil {
		return // nobody waits, or the replica is gone
	}
	changed := false
	for _, x := range w.waiters {
		if x.want == nil || start.Before(x.want.Since) {
			continue
		}
		s := sight{err: err, took: took}
		if err == nil {
			s.status = statusOf(clusters, x.want.Cluster, x.want.Secret)
		}
		if s.status == Synced && x.compares(r.Name) {
			w.compare(r, x, start)
			continue
		}
		delete(r.comparing, x) // it is synced no more
		changed = w.see(x, r.Name, s) || changed
	}
	r.heard(start, changed)
	switch {
	case err == nil:
		r.failed = false
	case !r.failed && time.Since(w.attempt) >= lastTick: // one that comes and goes costs no list each time
		w.request() // it may have been replaced
		r.failed = true
	}
}

// heard sets the pause until the next request by what one that started then has brought.
func (r *watched) heard(start time.Time, news bool) {
	if news && start.After(r.news) { // a comparison may come after later ones
		r.news = start
	}
	r.pause = min(max(r.last.Sub(r.news)/8, firstTick), lastTick) // what is awaited for long may be seen a little late
}

// see notes what a replica said, and says whether it is another thing than before.
func (w *Watcher) see(x *waiter, replica string, s sight) bool {
	before, seen := x.sights[replica]
	changed := !seen || !s.same(before)
	x.sights[replica] = s
	if changed {
		x.changed = w.started
	}
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
