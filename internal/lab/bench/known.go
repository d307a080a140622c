//go:build linux

package main

import (
	"context"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// knownLink looks again at a link that is there, and rotates its token.
func knownLink(ctx context.Context, b *bench, w *world, p pair) (section, error) {
	link := peering.Link{From: p.from.sdk, To: p.to.sdk}
	b.say("  a link that is there")
	again, err := turns(ctx, b, pace{min: 10, max: 20, budget: 30 * time.Second},
		w.swept("Ensure", func(ctx context.Context) ([]float64, error) {
			if _, err := ensure(ctx, link); err != nil {
				return nil, err
			}
			return verb(ctx, (*peering.Peering).Ensure, false, link)
		}),
		w.swept("reads", func(ctx context.Context) ([]float64, error) {
			if _, err := p.byHand(ctx, p.bare); err != nil {
				return nil, err
			}
			start := time.Now()
			err := p.read(ctx)
			return []float64{since(start)}, err
		}))
	if err != nil {
		return section{}, err
	}
	b.say("  a rotation")
	rotated, err := turns(ctx, b, pace{min: 10, max: 20, budget: 30 * time.Second},
		w.swept("Rotate", func(ctx context.Context) ([]float64, error) {
			if _, err := ensure(ctx, link); err != nil {
				return nil, err
			}
			return verb(ctx, (*peering.Peering).Rotate, true, link)
		}),
		w.swept("script", func(ctx context.Context) ([]float64, error) {
			if _, err := p.byHand(ctx, p.bare); err != nil {
				return nil, err
			}
			return p.rotate(ctx)
		}))
	if err != nil {
		return section{}, err
	}
	return section{
		title: "A link that is there",
		text: `The same clusters. The reads are those from which one can tell by hand that the link is good: five objects, who the token
speaks for, and what each istiod says. The script makes a new token, stores it and deletes the old one; it does not look whether
istiod uses the new one, but pauses, which is not counted. Rotate revokes the old one when every istiod replica is seen to use
the new one and to hold what it held before.`,
		header: []string{"", "SDK", "against", "", "ratio"},
		rows: [][]string{
			compared("Ensure that finds nothing to do", "the reads", again[0][done], again[1][0]),
			compared("Rotate, up to the stored remote secret", "the script", rotated[0][stored], rotated[1][stored]),
			compared("Rotate, the old token revoked", "the script", rotated[0][done], rotated[1][done]),
		},
	}, nil
}
