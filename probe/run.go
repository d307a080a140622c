package probe

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// Prober checks one thing and says how it is. It must not panic, returns soon after ctx ends, and can be used again; those
// of this package can also be used by several goroutines at once.
type Prober interface {
	Probe(ctx context.Context) Result
}

// ProberFunc is a function as a [Prober].
type ProberFunc func(ctx context.Context) Result

// Probe calls f.
func (f ProberFunc) Probe(ctx context.Context) Result { return f(ctx) }

// missing reports whether v holds nothing that could be called: nil, or a nil pointer or function in an interface.
func missing(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return (value.Kind() == reflect.Pointer || value.Kind() == reflect.Func) && value.IsNil()
}

// guarded probes. A prober that is not there, or that panics, has seen nothing: it is Unknown, under the name of the check.
func guarded(ctx context.Context, name string, p Prober) (r Result) {
	if name == "" {
		name = "probe"
	}
	if missing(p) {
		return Result{Check: name, Status: Unknown, Summary: fmt.Sprintf("check %s has no prober", name), Hint: "set its Prober"}.Clean()
	}
	defer func() {
		if v := recover(); v != nil {
			// The panic value may hold anything, a credential too: only its type is told.
			r = Result{
				Check: name, Target: fmt.Sprintf("%T", p), Status: Unknown, Err: fmt.Errorf("probe: %T panicked with a %T", p, v),
				Summary: fmt.Sprintf("the prober of check %s panicked", name),
				Hint:    "this is a defect of the prober: call its Probe alone to see the panic",
			}.Clean()
		}
	}()
	r = p.Probe(ctx).Clean()
	if r.Check == "" {
		r.Check = name
	}
	return r
}

// examine is how every prober of this package makes its Result: timed, named and fit to be shown.
func examine(check, target string, look func() Result) Result {
	start := time.Now()
	r := look()
	r.Check, r.Target, r.Took = check, target, time.Since(start)
	return r.Clean()
}

// interrupted is the result of a check that ran out of time before it started.
func interrupted(ctx context.Context) Result {
	return Result{Status: Unknown, Summary: "there was no time left for it", Hint: "call again with more time", Err: context.Cause(ctx)}
}

// Rung is one step of a [Ladder].
type Rung struct {
	Check  string // stable name, the Check of its Result; "" leaves the prober's
	Prober Prober // nil is Unknown
}

// Ladder is a list of checks, each of which makes sense only if those before it hold: the first that does not is the
// diagnosis, and the later ones are Skipped. A Ladder without rungs is Unknown.
type Ladder struct {
	Name   string // the Check of the whole
	Target string // the Target of the whole, and of rungs that set none
	Rungs  []Rung
}

// Climb probes rung after rung and returns one Result for each. For a Ladder without rungs it returns one Unknown Result.
func (l Ladder) Climb(ctx context.Context) []Result {
	if len(l.Rungs) == 0 {
		return []Result{Result{
			Check: l.Name, Target: l.Target, Status: Unknown, Summary: "the ladder has no rungs: nothing was checked", Hint: "give it Rungs",
		}.Clean()}
	}
	results := make([]Result, len(l.Rungs))
	broken := ""
	for i, rung := range l.Rungs {
		name := rung.Check
		if name == "" {
			name = fmt.Sprintf("rung-%d", i+1)
		}
		switch {
		case broken != "":
			results[i] = Result{Check: name, Status: Skipped, Summary: "not tried, because " + broken + " does not hold"}
		case ctx.Err() != nil:
			results[i] = interrupted(ctx)
			results[i].Check = name
		default:
			results[i] = guarded(ctx, name, rung.Prober)
		}
		r := &results[i]
		if rung.Check != "" {
			r.Check = rung.Check
		}
		if r.Target == "" {
			r.Target = l.Target
		}
		*r = r.Clean()
		if broken == "" && !r.Status.Holds() {
			broken = r.Check
		}
	}
	return results
}

// Probe climbs and returns the diagnosis, the Result of the first rung that does not hold, under the Ladder's name.
func (l Ladder) Probe(ctx context.Context) Result {
	return examine(l.Name, l.Target, func() Result {
		results := l.Climb(ctx)
		statuses := make([]Status, len(results))
		skipped := 0
		for i, r := range results {
			statuses[i] = r.Status
			switch {
			case !r.Status.Holds() && len(l.Rungs) == 0:
				return r
			case !r.Status.Holds():
				return Result{Status: r.Status, Summary: brief(r.Check, 60) + ": " + r.Summary, Hint: r.Hint, Err: r.Err}
			case r.Status == Skipped:
				skipped++
			}
		}
		summary := fmt.Sprintf("%d of %d hold", len(results)-skipped, len(results))
		if skipped > 0 {
			summary += fmt.Sprintf(", %d skipped", skipped)
		}
		return Result{Status: Worst(statuses...), Summary: summary}
	})
}

// RunOptions bounds [Run]. The zero value is ready to use.
type RunOptions struct {
	Parallel int           // how many probers run at once; 0 means 8
	Timeout  time.Duration // limit of each prober, a whole Ladder counts as one; 0 means none but that of ctx
}

// Run runs the probers at once and returns their results in the order of the probers; a [Ladder] gives a result for each of
// its rungs. It returns when all have returned. The result is Unknown for a prober that is nil, that panics or that had no
// time left.
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
		// What ends its goroutine instead of returning, as t.FailNow does, must leave a result too.
		all[i] = []Result{{Check: "probe", Target: fmt.Sprintf("%T", p), Status: Unknown, Summary: "the prober did not return", Hint: "let its Probe return a Result"}}
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
		r := interrupted(ctx)
		r.Check, r.Target = "probe", fmt.Sprintf("%T", p)
		return []Result{r.Clean()}
	}
	return []Result{guarded(ctx, "", p)}
}
