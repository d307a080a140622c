//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// memoryOfFour is what four control planes and this program take, with room for what else runs.
const memoryOfFour = 6 << 30

// fourClusters peers all of four real clusters.
func fourClusters(ctx context.Context, b *bench) ([]section, error) {
	s := section{
		title: "All 12 links of four clusters",
		text: `Four real clusters with an istiod each. By hand, all links are made at once. istioctl is run for one link after the other,
as a script does: it makes what all readers of a cluster share, and two of it would race. "Synced": every istiod has read the
three others.`,
		header: []string{"", "Ensure", "against", "", "ratio"},
	}
	if free := meminfo("MemAvailable"); free < memoryOfFour {
		b.say("  left out: %.1f GB of memory are free, of %d", free/(1<<30), memoryOfFour>>30)
		s.text += fmt.Sprintf("\n\nLeft out: of the %d GB of memory that four control planes take, %.1f are free.", memoryOfFour>>30, free/(1<<30))
		return []section{s}, nil
	}
	var four []lab.ClusterOptions
	for i := range 4 {
		four = append(four, lab.ClusterOptions{ID: fmt.Sprintf("cluster-%d", i+1)})
	}
	err := inLab(ctx, b, lab.Options{Clusters: four}, func(w *world) error {
		links, pairs := w.mesh()
		values, err := turns(ctx, b, pace{min: 5, max: 10, budget: time.Minute},
			w.swept("Ensure", func(ctx context.Context) ([]float64, error) { return ensure(ctx, links...) }),
			w.swept("bare calls", func(ctx context.Context) ([]float64, error) {
				return allByHand(ctx, pairs, func(ctx context.Context) error {
					return each(len(pairs), func(i int) error { return pairs[i].bare(ctx) })
				})
			}),
			w.swept("istioctl", func(ctx context.Context) ([]float64, error) {
				return allByHand(ctx, pairs, func(ctx context.Context) error {
					for _, p := range pairs {
						if err := p.istioctl(ctx); err != nil {
							return err
						}
					}
					return nil
				})
			}))
		if err != nil {
			return err
		}
		s.rows = [][]string{
			compared("all remote secrets stored", "bare calls", values[0][stored], values[1][stored]),
			compared("all remote secrets stored", "istioctl and apply", values[0][stored], values[2][stored]),
			compared("all synced", "bare calls", values[0][done], values[1][done]),
			compared("all synced", "istioctl and apply", values[0][done], values[2][done]),
		}
		return nil
	})
	return []section{s}, err
}

func allByHand(ctx context.Context, pairs []pair, do func(context.Context) error) ([]float64, error) {
	values := make([]float64, 2)
	start := time.Now()
	if err := do(ctx); err != nil {
		return nil, err
	}
	values[stored] = since(start)
	err := each(len(pairs), func(i int) error { return pairs[i].from.awaitSynced(ctx, pairs[i].to.ID) })
	values[done] = since(start)
	return values, err
}
