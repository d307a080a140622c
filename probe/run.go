package probe

import (
	"context"
	"sync"
	"time"
)

// RunOptions bounds [Run]. The zero value is ready to use.
type RunOptions struct {
	Parallel int           // how many probers run at once; 0 means 8
	Timeout  time.Duration // limit of each prober, a whole Ladder counts as one; 0 means none but that of ctx
}

// Run runs the probers at once and returns their results in the order of the probers; a [Ladder] gives a result for each
// of its rungs. It returns when all have returned. A prober that panics has Failed; one that ctx left no time for is
// Unknown.
func Run(ctx context.Context, o RunOptions, probers ...Prober) []Result {
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = 8
	}
	slots := make(chan struct{}, parallel)
	all := make([][]Result, len(probers))
	var wg sync.WaitGroup
	for i, p := range probers {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			all[i] = o.run(ctx, p)
		})
	}
	wg.Wait()
	var results []Result
	for _, r := range all {
		results = append(results, r...)
	}
	return results
}

func (o RunOptions) run(ctx context.Context, p Prober) []Result {
	if o.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, o.Timeout)
		defer cancel()
		ctx = limited
	}
	switch l := p.(type) {
	case Ladder:
		return l.Climb(ctx)
	case *Ladder:
		if l != nil {
			return l.Climb(ctx)
		}
	}
	if ctx.Err() != nil {
		return []Result{interrupted(ctx)}
	}
	return []Result{guarded(ctx, p)}
}
