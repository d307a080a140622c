//go:build linux

package main

import (
	"context"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// firstAnswer measures until a request is answered from the other cluster. The client's own has no httpbin.
func firstAnswer(ctx context.Context, b *bench) (found []section, err error) {
	err = inLab(ctx, b, lab.Options{DataPlane: &lab.DataPlane{}}, func(w *world) error {
		p := pair{from: w.members[1], to: w.members[0]}
		if err := p.from.Scale(ctx, "default", "httpbin", 0); err != nil {
			return err
		}
		if err := p.from.WaitPods(ctx, "default", "app=httpbin", 0); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		c, err := p.from.call(ctx)
		if err != nil {
			return err
		}
		link := peering.Link{From: p.from.sdk, To: p.to.sdk}
		values, err := turns(ctx, b, pace{min: 7, max: 15, budget: time.Minute},
			w.answered(c, p, "Ensure", func(ctx context.Context) error { _, err := ensure(ctx, link); return err }),
			w.answered(c, p, "bare calls", p.bare),
			w.answered(c, p, "istioctl", p.istioctl))
		if err != nil {
			return err
		}
		found = []section{{
			title: "The first answer from another cluster",
			text: `Two real clusters with sidecars and east-west gateways. The client's cluster has no httpbin, and the client asks for one
without a pause, a new curl for each request. Measured from the call to the first answer, which comes from the other cluster.
One request and the pause to the next, between two answers, take ` + series(gaps(values)).spread().text(seconds) + `: so exact are the times.`,
			header: []string{"", "Ensure", "against", "", "ratio"},
			rows: [][]string{
				compared("first answer", "bare calls", values[0][0], values[1][0]),
				compared("first answer", "istioctl and apply", values[0][0], values[2][0]),
			},
		}}
		return nil
	})
	return found, err
}

func gaps(values [][]series) (all series) {
	for _, contender := range values {
		all = append(all, contender[1]...)
	}
	return all
}

// answered is a contender that begins and ends where the client gets no answer. Its values are the seconds to the first
// answer, and those between that one and the last failure.
func (w *world) answered(c *caller, p pair, name string, do func(context.Context) error) contender {
	refused := func(ctx context.Context) (answer, error) {
		return c.await(ctx, "failing request", func(a answer) bool { return a.code != teapot })
	}
	return w.swept(name, func(ctx context.Context) ([]float64, error) {
		if _, err := refused(ctx); err != nil {
			return nil, err
		}
		start := time.Now()
		over := make(chan error, 1)
		go func() { over <- do(ctx) }()
		last := start
		first, err := c.await(ctx, "answer", func(a answer) bool {
			if a.code == teapot {
				return true
			}
			last = a.at
			return false
		})
		if failed := <-over; failed != nil {
			return nil, failed
		}
		if err != nil {
			return nil, err
		}
		// An istiod whose token is deleted while it still reads waits for its time limit.
		return []float64{first.at.Sub(start).Seconds(), first.at.Sub(last).Seconds()}, p.from.awaitSynced(ctx, p.to.ID)
	})
}
