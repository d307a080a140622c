package preflight

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Run makes every check of [Checks], all at once, and returns what they found: in the order of the table, a check's own
// findings in a stable order. It changes nothing.
//
// The error is about the call: *[FieldError] for an Input that cannot be checked, or the context's. With an ended context
// the findings are complete all the same; those that could not be made in time are Unknown.
func Run(ctx context.Context, in Input) ([]Finding, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	f := newFacts(in)
	var wg sync.WaitGroup
	for _, r := range f.reads() {
		wg.Go(func() { r.start(ctx, f) })
	}
	found := make([][]Finding, len(table))
	for i, c := range table {
		wg.Go(func() { found[i] = c.findings(c.guarded(ctx, f)) })
	}
	wg.Wait()
	var all []Finding
	for _, some := range found {
		all = append(all, some...)
	}
	if err := ctx.Err(); err != nil {
		return all, fmt.Errorf("preflight: not every check had time: %w", err)
	}
	return all, nil
}

// guarded makes the check. One that panics has found nothing out. What it panicked with is shown only if it is the Go
// runtime's: else it might be anything, a credential too.
func (c check) guarded(ctx context.Context, f *facts) (verdicts []verdict) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			verdicts = one(unknown("", "report this as a defect", "the check panicked: %v", p))
		default:
			verdicts = one(unknown("", "report this as a defect", "the check panicked with a %T", p))
		}
	}()
	if c.skips != nil {
		if v := c.skips(ctx, f); v != nil {
			return one(*v)
		}
	}
	if err := ctx.Err(); err != nil {
		return one(unread("", err))
	}
	ctx, missed := watch(ctx)
	return missed.complete(c.judge(ctx, f))
}

// findings is the one place where text that clusters hold becomes that of a report.
func (c check) findings(verdicts []verdict) []Finding {
	findings := make([]Finding, len(verdicts))
	for i, v := range verdicts {
		severity := cmp.Or(v.severity, c.Severity)
		if v.status == probe.Failed && severity != Blocks {
			v.status = probe.Warned
		}
		findings[i] = Finding{FindingSchema, c.ID, severity, v.status, printable.Line(v.subject), printable.Line(v.evidence), printable.Line(v.remedy)}
	}
	return findings
}

func newFacts(in Input) *facts {
	in.SecretName = cmp.Or(in.SecretName, secrets.SecretName(in.To.ID))
	in.Flavour = cmp.Or(in.Flavour, ASM)
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.Workload != nil {
		w := *in.Workload
		w.ClientNamespace = cmp.Or(w.ClientNamespace, w.Namespace)
		w.Client = cmp.Or(w.Client, "sleep")
		w.DomainSuffix = cmp.Or(w.DomainSuffix, "cluster.local")
		in.Workload = &w
	}
	open := func(role string, side Side) *server {
		side.Namespace = cmp.Or(side.Namespace, "istio-system")
		return &server{
			Side: side, name: cmp.Or(side.ID, role), role: role, now: in.Now,
			slots: make(chan struct{}, cmp.Or(in.Parallel, 16)), memo: map[string]*answer{},
		}
	}
	return &facts{
		Input: in, from: open("From", in.From), to: open("To", in.To),
		config: open("Config", Side{ID: "mesh configuration", Reader: in.Config}),
	}
}
