package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Prober checks one thing and says how it is. It never panics on purpose, returns soon after ctx ends, and can be used
// again; those of this package can also be used by several goroutines at once.
type Prober interface {
	Probe(ctx context.Context) Result
}

// ProberFunc is a function as a [Prober].
type ProberFunc func(ctx context.Context) Result

// Probe calls f.
func (f ProberFunc) Probe(ctx context.Context) Result { return f(ctx) }

// guarded probes and turns a panic, or a prober that is not there, into a result.
func guarded(ctx context.Context, p Prober) (r Result) {
	if p == nil {
		return Result{Check: "probe", Status: Skipped, Summary: "there is no prober", Hint: "set it"}
	}
	defer func() {
		if v := recover(); v != nil {
			// The panic value may hold anything, a credential too: only its type is told.
			err := fmt.Errorf("probe: %T panicked with a %T", p, v)
			r = Result{
				Check: "probe", Target: fmt.Sprintf("%T", p), Status: Failed, Err: err,
				Summary: "the prober panicked", Hint: "this is a defect of the prober: call its Probe alone to see the panic",
			}
		}
	}()
	return p.Probe(ctx)
}

// holds says that there is nothing to wait for or to climb over.
func holds(s Status) bool { return s == Passed || s == Warned || s == Skipped }

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

// Rung is one step of a [Ladder].
type Rung struct {
	Check  string // stable name, the Check of its Result; "" leaves the prober's
	Prober Prober
}

// Ladder is a list of checks, each of which makes sense only if those before it hold: the first that does not is the
// diagnosis, and the later ones are Skipped.
type Ladder struct {
	Name   string // the Check of the whole
	Target string // the Target of the whole, and of rungs that set none
	Rungs  []Rung
}

// Climb probes rung after rung and returns one Result for each.
func (l Ladder) Climb(ctx context.Context) []Result {
	results := make([]Result, len(l.Rungs))
	broken := ""
	for i, rung := range l.Rungs {
		switch {
		case broken != "":
			results[i] = Result{Status: Skipped, Summary: "not tried, because " + broken + " does not hold"}
		case ctx.Err() != nil:
			results[i] = interrupted(ctx)
		default:
			results[i] = guarded(ctx, rung.Prober)
		}
		r := &results[i]
		if rung.Check != "" {
			r.Check = rung.Check
		}
		if r.Target == "" {
			r.Target = l.Target
		}
		if broken == "" && !holds(r.Status) {
			broken = r.Check
		}
	}
	return results
}

// Probe climbs and returns the diagnosis, the Result of the first rung that does not hold, under the Ladder's name.
func (l Ladder) Probe(ctx context.Context) Result {
	start := time.Now()
	results := l.Climb(ctx)
	statuses := make([]Status, len(results))
	for i, r := range results {
		statuses[i] = r.Status
		if !holds(r.Status) {
			return Result{
				Check: l.Name, Target: l.Target, Status: r.Status, Took: time.Since(start),
				Summary: r.Check + ": " + r.Summary, Hint: r.Hint, Err: r.Err,
			}
		}
	}
	return Result{
		Check: l.Name, Target: l.Target, Status: Worst(statuses...), Took: time.Since(start),
		Summary: fmt.Sprintf("%d of %d hold", len(results), len(results)),
	}
}

// interrupted is the result of a check that ran out of time before it began.
func interrupted(ctx context.Context) Result {
	return Result{Status: Unknown, Summary: "there was no time left for it", Hint: "call again with more time", Err: context.Cause(ctx)}
}
