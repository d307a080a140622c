package probe

import (
	"context"
	"fmt"
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
