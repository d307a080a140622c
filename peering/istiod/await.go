package istiod

import (
	"context"
	"fmt"
)

// Await waits until all replicas that there are satisfy want, and returns what they said. That they are all is confirmed by
// a list of replicas that was asked for when the last of them had satisfied it. A replica that appears meanwhile must
// satisfy it too; one that has gone does not count.
//
// If ctx ends first, Await returns the last view of each replica and no error: some View is not Is(want.Status) then. The
// error is not nil if there is no view to return, as there are no replicas or none can be listed, if the list that would
// confirm success failed, and if the Watcher is closed. A list that fails after one has succeeded is tried again.
//
// tell, if not nil, is called with each view that differs from that replica's view before, on the caller's goroutine.
func (w *Watcher) Await(ctx context.Context, want Want, tell func(View)) ([]View, error) {
	return w.wait(ctx, want, false, tell)
}

// Look asks each replica once, with others who ask or wait at the same time, and returns what they said. The error is not
// nil if replicas cannot be listed or there are none. One that does not answer before ctx ends has an Err in its view.
func (w *Watcher) Look(ctx context.Context, want Want) ([]View, error) {
	if err := w.haveList(ctx, relist); err != nil {
		return nil, err
	}
	return w.wait(ctx, want, true, nil)
}

func (w *Watcher) wait(ctx context.Context, want Want, once bool, tell func(View)) ([]View, error) {
	x, err := w.join(&want, once)
	if err != nil {
		return nil, err
	}
	defer w.leave(x)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()
	for {
		w.judge(ctx, x, tell)
		if views, over, err := w.settled(x); over {
			return views, err
		}
		select {
		case <-x.notify:
		case <-ctx.Done():
			return w.unsettled(ctx, x)
		}
	}
}

// judge makes views of what replicas said since it was called last.
func (w *Watcher) judge(ctx context.Context, x *waiter, tell func(View)) {
	w.mu.Lock()
	var news []Replica
	var sights []sight
	for _, r := range w.replicas {
		if x.fresh[r.Name] {
			news, sights = append(news, r.Replica), append(sights, x.sights[r.Name])
		}
	}
	clear(x.fresh)
	w.mu.Unlock()
	for i, r := range news {
		v := x.want.view(ctx, r, sights[i])
		w.mu.Lock()
		old, seen := x.views[r.Name]
		_, there := x.sights[r.Name]
		there = there && (!seen || ctx.Err() == nil) // Gone may have failed as ctx ended
		if there {
			x.views[r.Name] = v
		}
		w.mu.Unlock()
		if there && tell != nil && (!seen || !v.same(old)) {
			tell(v)
		}
	}
}

// settled says whether the call can return.
func (w *Watcher) settled(x *waiter) (views []View, over bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.replicas) == 0: // no news, or bad news
		return nil, w.err != nil && w.answered > x.begun && (x.once || w.good == 0), w.err
	case !w.allWell(x):
		return nil, false, nil
	case x.once || w.good > x.changed:
		return w.views(x), true, nil
	case w.started <= x.changed:
		w.request()
	}
	return nil, false, nil
}

// allWell says whether each replica has satisfied the waiter, or has just been seen if that is all it wants.
func (w *Watcher) allWell(x *waiter) bool {
	for _, r := range w.replicas {
		if v, seen := x.views[r.Name]; !seen || !x.once && !v.Is(x.want.Status) {
			return false
		}
	}
	return len(w.replicas) > 0
}

// views of all replicas, in their order.
func (w *Watcher) views(x *waiter) []View {
	all := make([]View, 0, len(w.replicas))
	for _, r := range w.replicas {
		v, seen := x.views[r.Name]
		if !seen {
			v = View{Replica: r.Name, Version: r.Version, Err: errNotSeenYet}
		}
		all = append(all, v)
	}
	return all
}

// unsettled is the answer when the time is over.
func (w *Watcher) unsettled(ctx context.Context, x *waiter) ([]View, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	why := w.err
	if why == nil {
		why = ctx.Err()
	}
	views := w.views(x)
	switch {
	case w.ctx.Err() != nil:
		return views, ErrClosed
	case len(views) == 0:
		return nil, fmt.Errorf("%w: no replica of istiod could be found in time: %w", ErrNotReady, why)
	case !x.once && w.allWell(x):
		return views, fmt.Errorf("%w: replicas of istiod could not be listed again to confirm: %w", ErrNotReady, why)
	}
	return views, nil
}
