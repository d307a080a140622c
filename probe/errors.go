package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// FieldError is an input that cannot work, found before anything is sent or changed. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

// Kind is the class of a [RequestError].
type Kind string

// The kinds, with the exit code that curl gives them (curl's manual page, EXIT CODES). curl has one code for several
// kinds; its words tell them apart.
const (
	KindDNS            Kind = "dns"             // the name has no address (6)
	KindResolver       Kind = "resolver"        // no name server answered the question for the name (6, 28)
	KindRefused        Kind = "refused"         // nothing listens there (7)
	KindUnreachable    Kind = "unreachable"     // there is no route to the address (7)
	KindBlocked        Kind = "blocked"         // the operating system of the client does not let it connect (7)
	KindConnect        Kind = "connect"         // no connection was made, and the client does not say why (7)
	KindConnectTimeout Kind = "connect-timeout" // no connection was made in time (7, 28)
	KindTimeout        Kind = "timeout"         // no answer in time (28)
	KindTLS            Kind = "tls"             // the TLS handshake or the check of the certificate failed (35, 51, 60, 77)
	KindEmpty          Kind = "empty"           // the connection was closed before the first byte of an answer (52)
	KindReset          Kind = "reset"           // the connection was reset before the first byte of an answer (56)
	KindTruncated      Kind = "truncated"       // an answer started and did not end (18, or any other)
	KindNoCurl         Kind = "no-curl"         // the container has no curl, or it cannot be run (126, 127)
	KindForbidden      Kind = "forbidden"       // running commands in the workload is not allowed
	KindExec           Kind = "exec"            // the command could not be run for another reason
	KindOther          Kind = "other"           // anything else
)

// RequestError says that a request got no answer, or only the start of one. An answer of any status is not an error.
type RequestError struct {
	Kind   Kind
	URL    string // without user info and query
	Detail string // what the client said, one line
	Err    error  // the cause, if there is one in this process
}

// unanswered is a RequestError that is fit to be shown.
func unanswered(kind Kind, u *url.URL, detail string, err error) *RequestError {
	return &RequestError{Kind: kind, URL: shown(u), Detail: brief(strip(u, detail), 300), Err: cleanError(err)}
}

// Error names the URL and what the client said.
func (e RequestError) Error() string {
	detail := e.Detail
	if detail == "" {
		detail = string(e.Kind)
	}
	return fmt.Sprintf("probe: GET %s: %s", shownURL(e.URL), brief(detail, 300))
}

// Unwrap returns the cause.
func (e RequestError) Unwrap() error { return e.Err }

// Format prints Error for every verb.
func (e RequestError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// MarshalText is Error.
func (e RequestError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// AnswerError is an answer that was not the one asked for.
type AnswerError struct {
	URL      string // without user info and query
	Response Response
	Want     string // what it should have been
}

// Error names the URL, the status that came and what was wanted.
func (e AnswerError) Error() string {
	return fmt.Sprintf("probe: GET %s: got %d %s, want %s", shownURL(e.URL), e.Response.Status(), http.StatusText(e.Response.Status()), brief(e.Want, 100))
}

// Format prints Error for every verb.
func (e AnswerError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// MarshalText is Error.
func (e AnswerError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// cleanError leaves an error as it is whose text is fit to be shown. Of another it keeps the cause where errors.Is and
// errors.As find it, and no printer.
func cleanError(err error) error {
	if missing(err) {
		return nil
	}
	text := prose(err.Error())
	if text == err.Error() {
		return err
	}
	return sealed{text, func() error { return err }}
}

type sealed struct {
	text  string
	cause func() error
}

func (s sealed) Error() string { return s.text }

func (s sealed) Unwrap() error { return s.cause() }

// both joins two errors on one line; either may be nil.
func both(a, b error) error {
	if a == nil || b == nil {
		return errors.Join(a, b)
	}
	return fmt.Errorf("%w: %w", a, b)
}

// line is a name of others as one line without what a URL may hide: user info and query. prose is the same for sentences.
func line(text string) string  { return printable.Line(withoutSecretsOfURLs(text)) }
func prose(text string) string { return printable.Prose(withoutSecretsOfURLs(text)) }

func withoutSecretsOfURLs(text string) string {
	head := min(len(text), 16*printable.Limit) // what is further behind is not shown
	if strings.Contains(text[:head], "://") {
		text = urlSecrets.ReplaceAllString(text[:head], "$1$3") + text[head:]
	}
	return text
}

var urlSecrets = regexp.MustCompile(`(?i)([a-z][-a-z0-9+.]*://)([^\s"'<>/@]*@)?([^\s"'<>?]*)(\?[^\s"'<>]*)?`)

// brief is line of at most limit runes, so that it leaves room for ours.
func brief(text string, limit int) string {
	short := []rune(line(text))
	if len(short) <= limit {
		return string(short)
	}
	return string(short[:limit]) + "…"
}

// strip takes the query of u out of a text.
func strip(u *url.URL, text string) string {
	if u.RawQuery != "" {
		text = strings.ReplaceAll(text, u.RawQuery, "…")
	}
	return text
}

// kindOf is the class of an error of net, crypto/tls or net/http.
func kindOf(err error) Kind {
	if failed, ok := asRequestError(err); ok {
		return failed.Kind
	}
	var timeout net.Error
	is := func(codes ...syscall.Errno) bool {
		for _, code := range codes {
			if errors.Is(err, code) {
				return true
			}
		}
		return false
	}
	op, _ := errors.AsType[*net.OpError](err)
	dialing := op != nil && op.Op != "read" && op.Op != "write" // also on the way through a proxy
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && (dns.IsNotFound || dns.Err == "no such host"):
		return KindDNS
	case isDNS:
		return KindResolver
	case isTLS(err):
		return KindTLS
	case is(syscall.ECONNREFUSED):
		return KindRefused
	case is(syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT):
		return KindUnreachable
	case is(syscall.EACCES, syscall.EPERM):
		return KindBlocked
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		if dialing {
			return KindConnectTimeout
		}
		return KindTimeout
	case dialing:
		return KindConnect
	case is(syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED):
		return KindReset
	case errors.Is(err, io.ErrUnexpectedEOF):
		return KindTruncated
	case errors.Is(err, io.EOF):
		return KindEmpty
	}
	return KindOther
}

// asRequestError finds a RequestError, also one that is not a pointer.
func asRequestError(err error) (RequestError, bool) {
	if pointer, ok := errors.AsType[*RequestError](err); ok && pointer != nil {
		return *pointer, true
	}
	return errors.AsType[RequestError](err)
}

// asAnswerError finds an AnswerError, also one that is not a pointer.
func asAnswerError(err error) (AnswerError, bool) {
	if pointer, ok := errors.AsType[*AnswerError](err); ok && pointer != nil {
		return *pointer, true
	}
	return errors.AsType[AnswerError](err)
}

func isTLS(err error) bool {
	// Over TCP crypto/tls wraps an alert, received or sent, whose type it does not export.
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	var (
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &authority) ||
		errors.As(err, &host) || errors.As(err, &invalid) || strings.Contains(fmt.Sprint(err), "server gave HTTP response to HTTPS client")
}
