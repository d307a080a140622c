package probe

import (
	"context"
	"fmt"
	"time"
)

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
