package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Request is a GET; probes send nothing else.
type Request struct {
	URL     string        // http or https, without user info
	Header  http.Header   // Host sets the authority; credentials and X-Forwarded-Client-Cert are refused
	Timeout time.Duration // limit of the whole exchange; 0 means 10 s
}

// Response is an answer of any status. It prints as its status and length only: bodies and headers may hold anything.
type Response struct {
	Status int
	Header http.Header
	Body   []byte        // at most 1 MiB
	Took   time.Duration // as the client measured it, without the way of an exec to the workload
}

// String is safe to log.
func (r Response) String() string { return fmt.Sprintf("status %d, %d bytes", r.Status, len(r.Body)) }

// GoString is safe to log.
func (r Response) GoString() string { return "probe.Response(" + r.String() + ")" }

// Sender sends a request from somewhere. The error is a [*FieldError] for a request that cannot be sent and a
// [*RequestError] if no answer came. An implementation of your own may add the credentials that a [Request] refuses.
type Sender interface {
	Send(ctx context.Context, r Request) (Response, error)
}

// SenderFunc is a function as a [Sender].
type SenderFunc func(ctx context.Context, r Request) (Response, error)

// Send calls f.
func (f SenderFunc) Send(ctx context.Context, r Request) (Response, error) { return f(ctx, r) }

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
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// shownURL is shown for a URL that may not even parse.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the URL"
	}
	return shown(u)
}

// under is a path below a base URL such as http://httpbin:8000.
func under(base, path string) string { return strings.TrimRight(base, "/") + path }
