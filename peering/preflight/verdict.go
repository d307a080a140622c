package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/meshpeer/meshpeer/probe"
)

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

// object names an object of this server as findings do.
func (s *server) object(o Object) string {
	return s.thing(o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName())
}

func (s *server) thing(kind, namespace, name string) string {
	if namespace == "" {
		return s.name + " " + kind + "/" + name
	}
	return strings.Join([]string{s.name + " " + kind, namespace, name}, "/")
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

// missed is what a check asked for and did not get. A check that continues without it cannot pass on its own.
type missed struct {
	mu   sync.Mutex
	what []verdict
}

type missedKey struct{}

// watch returns a context under which failed requests are noted.
func watch(ctx context.Context) (context.Context, *missed) {
	m := &missed{}
	return context.WithValue(ctx, missedKey{}, m), m
}

// miss notes that something could not be read.
func miss(ctx context.Context, subject string, err error) { note(ctx, unread(subject, err)) }

func note(ctx context.Context, v verdict) {
	if m, ok := ctx.Value(missedKey{}).(*missed); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !slices.Contains(m.what, v) {
			m.what = append(m.what, v)
		}
	}
}

// complete adds what was missed to verdicts that would let the check pass.
func (m *missed) complete(verdicts []verdict) []verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(verdicts, func(v verdict) bool { return v.status == probe.Unknown }) ||
		!slices.ContainsFunc(verdicts, func(v verdict) bool { return v.status == probe.Passed }) {
		return verdicts
	}
	what := slices.Clone(m.what)
	slices.SortFunc(what, func(a, b verdict) int { return strings.Compare(a.subject+a.evidence, b.subject+b.evidence) })
	return append(verdicts, what...)
}
