package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// weigh says how much the header that was seen is worth. It is the one place that calls mutual TLS proved.
func (i Identity) weigh(ctx context.Context, p Peers) Peers {
	name := brief(i.ControlName, 80)
	if name == "" {
		name = "the control"
	}
	p.Proof = Observed
	if missing(i.Control) {
		p.Why, p.Hint = "the header matched, without a control", "set Control: the same question from a workload without sidecar in the server's cluster"
		return p
	}
	asked := i.ControlURL
	if asked == "" {
		asked = i.URL
	}
	got, err := i.Control.Send(ctx, Request{URL: under(asked, "/headers")})
	v := judge(asked, got, err)
	switch v {
	case void:
		p.Proof, p.Why = Unproved, "the header proves nothing: "+name+" got one too"
		p.Hint = "choose a control without sidecar; if it has none, something other than the server's sidecar writes the header"
		return p
	case refused:
		p.Why = "the header matched, and " + name + ", which has no certificate, was refused"
	case headerless:
		p.Why = "the header matched, and " + name + ", which has no certificate, got none"
	case notAsked:
		p.Why = "the header matched, and " + name + " could not ask: " + Diagnose(Sighting{Err: err}).Cause
		p.Hint = "choose a control that reaches the server, such as a workload without sidecar in the server's cluster"
	case cut:
		p.Why = "the header matched, and the answer to " + name + " was cut, which is not a refusal"
		p.Hint = "see why the server does not finish its answer, then try again"
	case notTheApp:
		p.Why, p.Hint = "the header matched, and "+name+" was not answered by the app", "choose a control that reaches the server"
	case unreadable:
		p.Why, p.Hint = "the header matched, and the answer to "+name+" cannot be read", "choose a control that reaches the same httpbin"
	}
	switch {
	case !v.discriminates():
	case !sameServer(i.URL, asked):
		p.Why += "; it asked another address, which may be another server's"
		p.Hint = "let the control ask the same URL: leave ControlURL empty"
	case i.Client.IsZero() || i.Server.IsZero():
		p.Hint = "set Client and Server: it was not said whose certificates are expected"
	default:
		p.Proof = Proved
	}
	return p
}

// verdict is what came of a control's question.
type verdict int

const (
	notAsked   verdict = iota // it did not get there, or nobody can tell
	refused                   // the server took the connection and cut it before a byte of an answer
	headerless                // the app answered, and was given no header: PERMISSIVE
	void                      // the app answered, and was given a header: whatever wrote it, it was not mutual TLS
	cut                       // an answer started
	notTheApp                 // another status: a proxy's, or another app's
	unreadable                // an answer that is not that of /headers
)

// discriminates reports whether the verdict shows that the check could have failed.
func (v verdict) discriminates() bool { return v == refused || v == headerless }

// judge decides it from the URL that was asked and what the [Sender] returned.
func judge(asked string, got Response, err error) verdict {
	if err != nil {
		_, answered := asAnswerError(err)
		switch {
		case answered || !got.IsZero() || kindOf(err) == KindTruncated || errors.Is(err, io.ErrUnexpectedEOF):
			return cut
		case refusedPlaintext(asked, err):
			return refused
		}
		return notAsked
	}
	if got.Status() != http.StatusOK {
		return notTheApp
	}
	header, err := headersIn(got)
	switch {
	case err != nil:
		return unreadable
	case len(header.Values(xfccHeader)) > 0:
		return void
	}
	return headerless
}

// refusedPlaintext reports whether the server cut the connection, as a sidecar under STRICT does to plain text: no filter
// chain matches it (istio/istio pilot/pkg/networking/core, inbound listeners). Only a [RequestError] says so, for a bare
// error does not tell whether a connection was made or a part of an answer came.
func refusedPlaintext(asked string, err error) bool {
	kinds := kindsIn(err)
	if len(kinds) == 0 || slices.ContainsFunc(kinds, func(k Kind) bool { return k != KindReset && k != KindEmpty }) {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // the client gave up
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "read" && op.Op != "write" {
		return false // no connection was made
	}
	return strings.HasPrefix(strings.ToLower(asked), "http:") // else the app's own TLS was spoken: that is not plain text
}

// sameServer reports whether two base URLs have the same scheme, host, port and path. Two names of one server are not known
// to be one.
func sameServer(a, b string) bool {
	left, leftErr := address(a)
	right, rightErr := address(b)
	return leftErr == nil && rightErr == nil && left == right
}

// hostPort is where a request for u connects to without a proxy.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// address is a base URL in one spelling.
func address(raw string) (url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return url.URL{}, err
	}
	_, port, err := net.SplitHostPort(hostPort(u))
	if err != nil {
		return url.URL{}, err
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip := net.ParseIP(host); ip != nil {
		host = ip.String()
	}
	return url.URL{Scheme: strings.ToLower(u.Scheme), Host: net.JoinHostPort(host, port), Path: strings.TrimRight(u.EscapedPath(), "/"), RawQuery: u.RawQuery}, nil
}

// kindsIn returns the kinds of all RequestErrors in err: a Sender may join those of several tries.
func kindsIn(err error) (kinds []Kind) {
	switch e := err.(type) {
	case *RequestError:
		if e == nil {
			return nil
		}
		kinds = append(kinds, e.Kind)
	case RequestError:
		kinds = append(kinds, e.Kind)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		kinds = append(kinds, kindsIn(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			kinds = append(kinds, kindsIn(one)...)
		}
	}
	return kinds
}
