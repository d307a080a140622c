//go:build linux

package main

import (
	"context"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// Bounds of the design for one link on the lab.
const (
	mostOfStored = 2.0 // times the bare calls
	mostOfSynced = 0.2 // seconds
)

// Values of a turn on the lab, in seconds from the call.
const (
	stored = iota // the remote secret is in From
	done          // the call is over; where something is awaited, every istiod says synced
)

// oneLink measures a link of the default lab, in the direction in which one istiod reads.
func oneLink(ctx context.Context, b *bench) (found []section, err error) {
	err = inLab(ctx, b, lab.Options{}, func(w *world) error {
		p := pair{from: w.members[0], to: w.members[1]}
		fresh, err := newLink(ctx, b, w, p)
		if err != nil {
			return err
		}
		later, err := knownLink(ctx, b, w, p)
		found = []section{fresh, later}
		return err
	})
	return found, err
}

// newLink peers what was not peered, in three ways.
func newLink(ctx context.Context, b *bench, w *world, p pair) (section, error) {
	link := peering.Link{From: p.from.sdk, To: p.to.sdk}
	b.say("  a new link")
	values, err := turns(ctx, b, pace{min: 10, max: 40, budget: 2 * time.Minute},
		w.swept("Ensure", func(ctx context.Context) ([]float64, error) { return ensure(ctx, link) }),
		w.swept("bare calls", func(ctx context.Context) ([]float64, error) { return p.byHand(ctx, p.bare) }),
		w.swept("istioctl", func(ctx context.Context) ([]float64, error) { return p.byHand(ctx, p.istioctl) }),
		w.swept("istioctl again", func(ctx context.Context) ([]float64, error) {
			if _, err := p.createRemoteSecret(ctx); err != nil {
				return nil, err
			}
			return p.byHand(ctx, p.istioctl)
		}))
	if err != nil {
		return section{}, err
	}
	s := section{
		title: "A new link",
		text: `Two real clusters; the one that is to read has one istiod. Ensure also reads what is there, runs the preflight, proves the
token and its rights, and waits until istiod has synced. The bare calls are five creates and a wait for the token (looked
at each millisecond) with client-go's typed clients. istioctl is ` + "`create-remote-secret`" + ` with an apply of its output, which
is two calls of this program; it makes one account and one token for all who read the cluster, looks at the token after each
second, and is faster once they are there. "Synced": the same, and then istiod is asked each millisecond.`,
		header: []string{"", "Ensure", "against", "", "ratio"},
		promises: []promise{
			{"Ensure of one link up to the stored remote secret, against the bare calls", mostOfStored, values[0][stored].over(values[1][stored]).spread(), times},
			{"Ensure of one link until istiod has synced", mostOfSynced, values[0][done].spread(), seconds},
		},
	}
	for _, until := range []struct {
		name  string
		value int
	}{{"remote secret stored", stored}, {"synced", done}} {
		for i, against := range []string{"bare calls", "istioctl and apply", "the same, account and token there"} {
			s.rows = append(s.rows, compared(until.name, against, values[0][until.value], values[i+1][until.value]))
		}
	}
	return s, nil
}

func compared(what, against string, ours, base series) []string {
	cells := versus(ours, base, seconds)
	return []string{what, cells[0], against, cells[1], cells[2]}
}

// swept is a contender that begins and ends without a link.
func (w *world) swept(name string, turn func(context.Context) ([]float64, error)) contender {
	return contender{name, func(ctx context.Context) ([]float64, error) {
		if err := w.sweep(ctx); err != nil {
			return nil, err
		}
		values, err := turn(ctx)
		if err != nil {
			return nil, err
		}
		return values, w.sweep(ctx)
	}}
}

// ensure peers the links and says when the last remote secret was stored, and when the call was over.
func ensure(ctx context.Context, links ...peering.Link) ([]float64, error) {
	return verb(ctx, (*peering.Peering).Ensure, true, links...)
}

// verb times a verb that is expected to change something, or nothing.
func verb(ctx context.Context, do func(*peering.Peering, context.Context, ...peering.Link) (*peering.Report, error), changes bool, links ...peering.Link) ([]float64, error) {
	values := make([]float64, 2)
	start := time.Now()
	p := &peering.Peering{Observe: func(e peering.Event) {
		if e.Stage == peering.StageShare && e.Action != "" {
			values[stored] = since(start)
		}
	}}
	report, err := do(p, ctx, links...)
	values[done] = since(start)
	if err != nil {
		return nil, err
	}
	return values, expect(report, len(links), changes)
}

// byHand makes the link and waits for the istiods.
func (p pair) byHand(ctx context.Context, do func(context.Context) error) ([]float64, error) {
	values := make([]float64, 2)
	start := time.Now()
	if err := do(ctx); err != nil {
		return nil, err
	}
	values[stored] = since(start)
	err := p.from.awaitSynced(ctx, p.to.ID)
	values[done] = since(start)
	return values, err
}
