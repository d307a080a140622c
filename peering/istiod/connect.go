package istiod

import "context"

// Connect opens the connection to each replica that Pods found, once, while the caller does something else: it takes the API
// server and the kubelet several round trips. It returns at once. What fails then is met by the first question.
func (w *Watcher) Connect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.replicas {
		if r.tunnel == nil || r.ahead != nil || w.ctx.Err() != nil {
			continue
		}
		replica, ahead := r.Replica, make(chan struct{})
		r.ahead = ahead
		w.running.Go(func() {
			defer close(ahead)
			_, _ = limited(w.ctx, askLimit, func(ctx context.Context) ([]RemoteCluster, error) { return replica.clusterz(ctx, nil) })
		})
	}
}

// connecting waits for a connection that is on its way: another would take longer.
func (w *Watcher) connecting(ctx context.Context, r *watched) {
	w.mu.Lock()
	ahead := r.ahead
	w.mu.Unlock()
	if ahead == nil {
		return
	}
	select {
	case <-ahead:
	case <-ctx.Done():
	}
}
