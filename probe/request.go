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
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
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

// Doer is the method of [*http.Client] that [Direct] needs.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Direct sends requests from this process.
type Direct struct {
	Client Doer // nil: a client that follows no redirect, keeps no connection and uses no proxy
}

// Send implements [Sender].
func (d Direct) Send(ctx context.Context, r Request) (Response, error) {
	u, timeout, err := r.parsed()
	if err != nil {
		return Response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return Response{}, invalid.Field("Request.URL", shown(u), "it cannot be requested", "write it like http://httpbin:8000/headers")
	}
	for name, values := range r.Header {
		key := textproto.CanonicalMIMEHeaderKey(name)
		req.Header[key] = append(req.Header[key], values...)
	}
	req.Host = req.Header.Get("Host") // net/http sends no Host from the header
	req.Header.Del("Host")
	client := d.Client
	if client == nil {
		client = plainClient()
	}
	start := time.Now()
	got, err := client.Do(req)
	if err != nil {
		return Response{}, requestError(u, err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, bodyLimit))
	if err != nil {
		return Response{}, requestError(u, err)
	}
	return Response{got.StatusCode, got.Header, body, time.Since(start)}, nil
}

func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// requestError classes an error of this process. url.Error is taken off: it repeats the URL with its query.
func requestError(u *url.URL, err error) *RequestError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &RequestError{Kind: kindOf(err), URL: shown(u), Detail: err.Error(), Err: err}
}

// kindOf is the class of an error of net, crypto/tls or net/http.
func kindOf(err error) Kind {
	var timeout net.Error
	var request *RequestError
	switch {
	case errors.As(err, &request):
		return request.Kind
	case isDNS(err):
		return KindDNS
	case isTLS(err):
		return KindTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return KindTimeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return KindReset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return KindEmpty
	}
	return KindOther
}

func isDNS(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && !dns.IsTimeout
}

func isTLS(err error) bool {
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
