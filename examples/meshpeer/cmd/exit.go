package cmd

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// Exit codes. What was denied is an answer, and an error; what could not be asked is unknown: they never share a code.
const (
	fine    = 0
	failed  = 1 // an error, or denied
	found   = 2 // changes that would be made, or findings
	unknown = 3 // somebody could not be asked, or not everything was seen
)

// outcome is how a command ended.
type outcome struct {
	code int
	err  error    // not told yet; nil: nothing to tell
	next []string // commands or advice
}

func (o *outcome) Error() string {
	if o.err == nil {
		return ""
	}
	return o.err.Error()
}

func (o *outcome) Unwrap() error { return o.err }

// ended is nil for a good end, so that it can be returned as an error.
func ended(code int) error {
	if code == fine {
		return nil
	}
	return &outcome{code: code}
}

// add a line that is not there yet.
func (o *outcome) add(line string) {
	for _, there := range o.next {
		if there == line {
			return
		}
	}
	o.next = append(o.next, line)
}

// usage is an error of the command line.
func usage(err error) error {
	var already *members.UsageError
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &members.UsageError{Text: err.Error()}
}

// unasked says that an error is of a server that could not be asked, or did not answer in time.
func unasked(err error) bool {
	var (
		answer   apierrors.APIStatus
		endpoint *peering.EndpointError
		dial     *net.OpError // and not net.Error, which every error of a file satisfies
		dns      *net.DNSError
		request  *url.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &answer):
		return false
	}
	return errors.As(err, &endpoint) || errors.As(err, &dial) || errors.As(err, &dns) || errors.As(err, &request) || errors.Is(err, context.DeadlineExceeded)
}

// denied says that a server answered that the caller may not.
func denied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// codeOf an error. Looking tells what was found from what went wrong.
func codeOf(err error, looking bool) int {
	var own *peering.Error
	switch {
	case err == nil:
		return fine
	case unasked(err):
		return unknown
	case denied(err) && !(errors.As(err, &own) && own.Stage == peering.StageMint), errors.Is(err, context.Canceled):
		return failed // not the answer that a link's own credential is refused, which is a finding
	case looking && errors.As(err, &own):
		return found
	}
	return failed
}

// worse of two codes: an error counts more than a finding, and that more than what is unknown.
func worse(a, b int) int {
	rank := map[int]int{fine: 0, unknown: 1, found: 2, failed: 3}
	if rank[a] < rank[b] {
		return b
	}
	return a
}

// codeOfLink is what a link says of the call.
func codeOfLink(l peering.LinkReport, looking bool) int {
	if looking && slices.ContainsFunc(l.Results, func(r probe.Result) bool { return r.Status == probe.Failed }) {
		return found // it was asked, and this is the answer
	}
	if l.Error != nil {
		return codeOf(l.Error, looking)
	}
	code := codeOfStatus(l.Status, looking)
	if len(l.Left) > 0 {
		code = worse(code, unknown) // it may still be in use
	}
	return code
}

func codeOfStatus(s probe.Status, looking bool) int {
	switch s {
	case probe.Passed, probe.Warned, probe.Skipped:
		return fine
	case probe.Failed:
		if looking {
			return found
		}
		return failed
	}
	return unknown
}

// codeOfReport is the worst of all links.
func codeOfReport(r *peering.Report, looking bool) int {
	if r == nil || len(r.Links) == 0 {
		return unknown
	}
	code := fine
	for _, l := range r.Links {
		code = worse(code, codeOfLink(l, looking))
	}
	return code
}
