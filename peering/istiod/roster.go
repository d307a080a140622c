package istiod

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// roster is the list of replicas, under the Watcher's mutex. Lists are numbered by the order in which they were asked for.
type roster struct {
	replicas []*watched
	err      error         // of the last list
	attempt  time.Time     // when the last list that was answered was asked for
	started  int           // the last list that was asked for
	answered int           // the last that was answered
	good     int           // the last that was answered without error
	wanted   int           // the one that somebody needs
	due      chan struct{} // has the lister look at wanted
}

// request asks for a list that starts after now.
func (l *roster) request() {
	l.wanted = l.started + 1
	select {
	case l.due <- struct{}{}:
	default: // nil while nobody waits
	}
}

// fresh says whether there is a list that is recent and after which nobody has asked for another.
func (l *roster) fresh(age time.Duration) bool {
	return l.good > 0 && l.good >= l.wanted && (age == 0 || time.Since(l.attempt) < age)
}

// pause is how long the last list will do.
func (l *roster) pause() time.Duration {
	switch {
	case l.wanted > l.started || l.answered == 0:
		return 0
	case l.err != nil:
		return time.Until(l.attempt.Add(lastTick))
	}
	return time.Until(l.attempt.Add(relist))
}

// Refresh has replicas listed again at once, or with the next call if nobody waits: after a restart, before a credential is
// revoked.
func (w *Watcher) Refresh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.request()
}

// Replicas is the last list, read if there is none.
func (w *Watcher) Replicas(ctx context.Context) ([]Replica, error) {
	if err := w.haveList(ctx, 0); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Replica, len(w.replicas))
	for i, r := range w.replicas {
		all[i] = r.Replica
	}
	return all, nil
}

// haveList waits for a list that is not older than age; 0 is any age.
func (w *Watcher) haveList(ctx context.Context, age time.Duration) error {
	w.mu.Lock()
	fresh := w.fresh(age)
	if !fresh {
		w.request()
	}
	w.mu.Unlock()
	if fresh {
		return w.closed()
	}
	x, err := w.join(nil, true)
	if err != nil {
		return err
	}
	defer w.leave(x)
	for {
		w.mu.Lock()
		over, err := w.answered > x.begun, w.err
		w.mu.Unlock()
		if over {
			return err
		}
		select {
		case <-x.notify:
		case <-ctx.Done():
			return fmt.Errorf("%w: replicas of istiod are not listed yet: %w", ErrNotReady, ctx.Err())
		case <-w.ctx.Done():
			return ErrClosed
		}
	}
}

func (w *Watcher) closed() error {
	if w.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// keepListing lists until nobody waits any more.
func (w *Watcher) keepListing(ctx context.Context, due <-chan struct{}) {
	for {
		w.mu.Lock()
		pause := w.pause()
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-after(pause):
			w.listReplicas(ctx)
		}
	}
}

// after is time.After, without a timer for what is due already: selecting on one crashes Go 1.26 in fake time under the race
// detector.
func after(pause time.Duration) <-chan time.Time {
	if pause > 0 {
		return time.After(pause)
	}
	due := make(chan time.Time, 1)
	due <- time.Now()
	return due
}

func (w *Watcher) listReplicas(ctx context.Context) {
	w.mu.Lock()
	if ctx.Err() != nil {
		w.mu.Unlock()
		return
	}
	w.started++
	number, start := w.started, time.Now()
	w.mu.Unlock()
	replicas, err := limited(ctx, listLimit, w.reader.Replicas)
	if err == nil && len(replicas) == 0 {
		err = &MissingError{Seen: "there is no replica", Remedy: "start one"}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return // of no use to anybody
	}
	w.err, w.attempt, w.answered = err, start, number
	if err == nil {
		w.good = number
	}
	if _, none := errors.AsType[*MissingError](err); none || err == nil {
		w.take(replicas)
	}
	for _, x := range w.waiters {
		x.wake()
	}
}

// take makes replicas those that are watched. One that was there before keeps its connection and its place in time.
func (w *Watcher) take(replicas []Replica) {
	before := map[string]*watched{}
	for _, r := range w.replicas {
		before[r.Name] = r
	}
	w.replicas = nil
	for _, r := range replicas {
		old := before[r.Name]
		if old == nil || old.UID != r.UID {
			n := &watched{Replica: r}
			w.replicas = append(w.replicas, n)
			continue
		}
		delete(before, r.Name)
		if r.UID == "" {
			old.Replica = r // who knows what its functions lead to
		}
		w.replicas = append(w.replicas, old)
	}
	for _, gone := range before {
		w.drop(gone)
	}
	for _, r := range w.replicas {
		if r.stop == nil && w.work != nil {
			w.startPoll(r)
		}
	}
}

// drop forgets a replica and what it said.
func (w *Watcher) drop(r *watched) {
	if r.stop != nil {
		r.stop()
	}
	r.Close()
	for _, x := range w.waiters {
		delete(x.sights, r.Name)
		delete(x.fresh, r.Name)
		delete(x.views, r.Name)
	}
}
