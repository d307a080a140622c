package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Request is a GET; probes send nothing else. It prints without the query of its URL and without the values of its header.
type Request struct {
	URL     string        // http or https, without user info
	Header  http.Header   // Host sets the authority; credentials and X-Forwarded-Client-Cert are refused
	Timeout time.Duration // limit of the whole exchange; 0 means 10 s
}

// String is safe to log.
func (r Request) String() string {
	return fmt.Sprintf("GET %s with %d headers", shownURL(r.URL), len(r.Header))
}

// Format prints String for every verb.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText is String.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue implements [slog.LogValuer].
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Response is an answer of any status. It prints as its status and length only: bodies and headers may hold anything.
// Make one with [NewResponse]; the zero value holds no answer.
type Response struct {
	status, size int
	cut          bool
	took         time.Duration
	// A closure: printers and encoders follow pointers and unexported fields, but no functions.
	content func() (http.Header, []byte)
}

// NewResponse returns an answer as a [Sender] saw it. Took is the time that the client measured, without that of the exec.
// A body of more than 1 MiB is cut, see [Response.Cut].
func NewResponse(status int, header http.Header, body []byte, took time.Duration) Response {
	cut := len(body) > bodyLimit
	body = slices.Clone(body[:min(len(body), bodyLimit)])
	header = header.Clone()
	return Response{status, len(body), cut, took, func() (http.Header, []byte) { return header, body }}
}

// Status is the status code, 0 for the zero value.
func (r Response) Status() int { return r.status }

// Took is how long the answer took.
func (r Response) Took() time.Duration { return r.took }

// Cut reports whether the body was longer than the 1 MiB that is kept.
func (r Response) Cut() bool { return r.cut }

// Header is a copy of the header.
func (r Response) Header() http.Header {
	if r.content == nil {
		return nil
	}
	header, _ := r.content()
	return header.Clone()
}

// Body is a copy of the body, at most 1 MiB.
func (r Response) Body() []byte { return slices.Clone(r.body()) }

func (r Response) body() []byte {
	if r.content == nil {
		return nil
	}
	_, body := r.content()
	return body
}

// IsZero reports whether there is nothing of an answer.
func (r Response) IsZero() bool { return r.status == 0 && r.size == 0 && len(r.Header()) == 0 }

// String is safe to log.
func (r Response) String() string { return fmt.Sprintf("status %d, %d bytes", r.status, r.size) }

// Format prints String for every verb.
func (r Response) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalJSON writes the status, the length and the time.
func (r Response) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"status": r.status, "bytes": r.size, "tookNanoseconds": r.took})
}

// LogValue implements [slog.LogValuer].
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Sender sends a request from somewhere. The error is a [*FieldError] for a request that cannot be sent and a
// [*RequestError] if no whole answer came; its Kind is KindReset or KindEmpty only if not a byte of one came. An
// implementation of your own may add the credentials that a [Request] refuses.
type Sender interface {
	Send(ctx context.Context, r Request) (Response, error)
}

// SenderFunc is a function as a [Sender].
type SenderFunc func(ctx context.Context, r Request) (Response, error)

// Send calls f.
func (f SenderFunc) Send(ctx context.Context, r Request) (Response, error) { return f(ctx, r) }

// send sends with the sender, or directly if there is none.
func send(ctx context.Context, from Sender, r Request) (Response, error) {
	if from == nil {
		from = Direct{}
	}
	if missing(from) {
		return Response{}, invalid.Field("From", fmt.Sprintf("%T", from), "it is a nil pointer or function", "give a Sender, or leave it nil to ask from this process")
	}
	return from.Send(ctx, r)
}

const (
	bodyLimit      = 1 << 20
	requestTimeout = 10 * time.Second
)

// refusedHeaders are credentials, which would show in process lists of the workload, and the header whose absence is
// evidence: without a sidecar at the server a forged one passes straight through
// (Envoy source/common/http/conn_manager_utility.cc mutateXfccRequestHeader).
var refusedHeaders = map[string]string{
	"Authorization": "it is a credential", "Proxy-Authorization": "it is a credential", "Cookie": "it is a credential",
	xfccHeader: "only a proxy may set it, else it proves nothing",
}

// parsed is the request, checked.
func (r Request) parsed() (*url.URL, time.Duration, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, 0, invalid.Field("Request.URL", "", "it is not an http or https URL", "write it like http://httpbin:8000/headers")
	}
	if u.User != nil {
		return nil, 0, invalid.Field("Request.URL", u.Host, "it has user info, which is a secret", "use a Sender of your own that adds credentials")
	}
	for name, values := range r.Header {
		if reason, refused := refusedHeaders[textproto.CanonicalMIMEHeaderKey(name)]; refused {
			return nil, 0, invalid.Field("Request.Header", name, reason, "leave it out")
		}
		if strings.ContainsAny(name, "\r\n: ") || name == "" || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
			return nil, 0, invalid.Field("Request.Header", name, "its name or value does not fit on a header line", "remove line breaks")
		}
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = requestTimeout
	}
	return u, timeout, nil
}

// shown is a URL as errors and results may tell it.
func shown(u *url.URL) string {
	return brief((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), 200)
}

// shownURL is shown for a URL that may not even parse.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return "the URL"
	}
	return shown(u)
}

// under is a path below a base URL such as http://httpbin:8000.
func under(base, path string) string { return strings.TrimRight(base, "/") + path }
