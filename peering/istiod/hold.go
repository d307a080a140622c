package istiod

import (
	"context"
	"fmt"
)

// ask is one call's question to one replica.
type ask struct {
	cluster string
	answer  func(held)
}

type held struct {
	*Holding
	err error
}

// Hold is what each replica, by name, holds of a cluster now. One that cannot tell is not in it. The error is not nil if
// replicas cannot be listed, or ctx ends. Callers at the same time share a document of each replica if their calls began
// before its request did.
func (w *Watcher) Hold(ctx context.Context, cluster string) (map[string]*Holding, error) {
	if err := w.haveList(ctx, relist); err != nil {
		return nil, err
	}
	w.mu.Lock()
	if w.ctx.Err() != nil {
		w.mu.Unlock()
		return nil, ErrClosed
	}
	answers := make(map[string]chan held, len(w.replicas))
	for _, r := range w.replicas {
		answer := make(chan held, 1)
		answers[r.Name] = answer
		w.ask(r, ask{cluster, func(h held) { answer <- h }})
	}
	w.mu.Unlock()
	all := make(map[string]*Holding, len(answers))
	for name, answer := range answers {
		select {
		case h := <-answer:
			if h.err == nil {
				all[name] = h.Holding
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: istiod has not told what it holds of the cluster: %w", ErrNotReady, ctx.Err())
		}
	}
	return all, w.closed()
}

// ask for what a replica holds, with others who ask before the next document.
func (w *Watcher) ask(r *watched, a ask) {
	r.asked = append(r.asked, a)
	if !r.reading {
		r.reading = true
		w.running.Go(func() { w.answer(r) })
	}
}

// answer reads what a replica holds until nobody asks any more, each time for all who have asked.
func (w *Watcher) answer(r *watched) {
	for {
		w.mu.Lock()
		asked, replica := r.asked, r.Replica
		r.asked, r.reading = nil, len(asked) > 0
		w.mu.Unlock()
		if len(asked) == 0 {
			return
		}
		clusters := make([]string, len(asked))
		for i, a := range asked {
			clusters[i] = a.cluster
		}
		holds, err := limited(w.ctx, holdLimit, func(ctx context.Context) (map[string]*Holding, error) {
			return replica.HoldingsOf(ctx, clusters...)
		})
		for _, a := range asked {
			a.answer(held{holds[a.cluster], err})
		}
	}
}
