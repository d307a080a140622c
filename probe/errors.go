package probe

import (
	"fmt"
	"net/http"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// FieldError is an input that cannot work, found before anything is sent or changed. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

// Kind is the class of a [RequestError].
type Kind string

// The kinds, with the exit code that curl gives them (curl's manual page, EXIT CODES).
const (
	KindDNS       Kind = "dns"       // the name has no address (6)
	KindRefused   Kind = "refused"   // nothing listens there (7)
	KindTimeout   Kind = "timeout"   // no answer in time (28)
	KindTLS       Kind = "tls"       // the TLS handshake or the check of the certificate failed (35, 60)
	KindEmpty     Kind = "empty"     // the connection was closed without an answer (52)
	KindReset     Kind = "reset"     // the connection was reset (56)
	KindNoCurl    Kind = "no-curl"   // the container has no curl, or it cannot be run (126, 127)
	KindForbidden Kind = "forbidden" // running commands in the workload is not allowed
	KindExec      Kind = "exec"      // the command could not be run for another reason
	KindOther     Kind = "other"     // anything else
)

// RequestError says that a request got no answer. An answer of any status is none.
type RequestError struct {
	Kind   Kind
	URL    string // without user info and query
	Detail string // what the client said, one line
	Err    error  // the cause, if there is one in this process
}

func (e *RequestError) Error() string {
	detail := e.Detail
	if detail == "" {
		detail = string(e.Kind)
	}
	return fmt.Sprintf("probe: GET %s: %s", e.URL, detail)
}

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// AnswerError is an answer that was not the one asked for.
type AnswerError struct {
	URL      string // without user info and query
	Response Response
	Want     string // what it should have been
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("probe: GET %s: got %d %s, want %s", e.URL, e.Response.Status, http.StatusText(e.Response.Status), e.Want)
}
