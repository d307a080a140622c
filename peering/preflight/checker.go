package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Run runs every check of [Checks], all at once, and returns what they found: in the order of the table, a check's own
// findings in a stable order. It changes nothing.
//
// It returns an error of type *[FieldError] for an Input that cannot be checked, or that of the context. Once the context
// has ended, every check still has a finding; a check that did not run in time is Unknown.
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

// guarded makes the check. One that panics is Unknown. What it panicked with is shown only if it comes from the Go runtime:
// otherwise it might be anything, even a credential.
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

// findings is the one place where text from clusters enters a report.
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

// verdict is what a check says of one subject.
type verdict struct {
	status            probe.Status
	severity          Severity // "" is the check's own
	subject, evidence string
	remedy            string
}

func pass(subject, evidence string, args ...any) verdict {
	return verdict{status: probe.Passed, subject: subject, evidence: fmt.Sprintf(evidence, args...)}
}

// fail is Failed for a check that blocks and Warned for the others.
func fail(subject, remedy, evidence string, args ...any) verdict {
	return verdict{status: probe.Failed, subject: subject, evidence: fmt.Sprintf(evidence, args...), remedy: remedy}
}

// as lowers or raises the severity for this verdict.
func (v verdict) as(s Severity) verdict {
	v.severity = s
	return v
}

func unknown(subject, remedy, evidence string, args ...any) verdict {
	return verdict{status: probe.Unknown, subject: subject, evidence: fmt.Sprintf(evidence, args...), remedy: remedy}
}

func skip(subject, evidence string, args ...any) verdict {
	return verdict{status: probe.Skipped, subject: subject, evidence: fmt.Sprintf(evidence, args...)}
}

func one(v verdict) []verdict { return []verdict{v} }

// or is the verdicts, or a single one if there are none.
func or(verdicts []verdict, otherwise verdict) []verdict {
	if len(verdicts) == 0 {
		return one(otherwise)
	}
	return verdicts
}

// notGivenError says that Input lacks what a check needs.
type notGivenError struct{ field string }

func (e *notGivenError) Error() string { return "not checked: " + e.field + " is not given" }

// earlierError says that another check fails for the same reason.
type earlierError struct {
	check string
	err   error
}

func (e *earlierError) Error() string { return e.err.Error() }
func (e *earlierError) Unwrap() error { return e.err }

// see names the check that judges an object which is not there.
func see[T any](check string, found T, err error) (T, error) {
	if err != nil && absent(err) {
		err = &earlierError{check, err}
	}
	return found, err
}

// contentError says that what was read makes no sense.
type contentError struct {
	what string
	err  error
}

func (e *contentError) Error() string { return e.what + " cannot be parsed: " + e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// unread is the verdict when something could not be read: never that it is wrong.
func unread(subject string, err error) verdict {
	var missing *notGivenError
	var earlier *earlierError
	if errors.As(err, &earlier) {
		return skip(subject, "see check %s: %v", earlier.check, err)
	}
	var content *contentError
	remedy := "make the API server reachable from here and run the checks again"
	switch {
	case errors.As(err, &missing):
		remedy = "give " + missing.field
	case errors.As(err, &content):
		remedy = "correct it: istiod cannot read it either"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		remedy = "run the checks again with more time"
	case apierrors.IsForbidden(err):
		remedy = "give the caller permission to read it"
	case apierrors.IsUnauthorized(err):
		remedy = "log in: the caller's credential has expired or is for another cluster"
	case absent(err):
		remedy = "find out where it is: it may have another name, or be on another API server"
	}
	return unknown(subject, remedy, "%v", err)
}

// absent is the answer for an object that is not there, and for a kind that is not served.
func absent(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }
