package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// HTTP checks the status and headers of an answer: check "http".
type HTTP struct {
	From    Sender // nil: Direct{}
	Request Request
	Status  int         // wanted; 0 means any from 200 to 299
	Header  http.Header // wanted; each value must be among those of the answer
}

// Probe implements [Prober].
func (h HTTP) Probe(ctx context.Context) Result {
	target := shownURL(h.Request.URL)
	return examine("http", target, func() Result {
		got, err := send(ctx, h.From, h.Request)
		if err != nil {
			return failed(Sighting{Err: err})
		}
		if want := h.lacks(got); want != "" {
			return failed(Sighting{Response: got, Err: &AnswerError{URL: target, Response: got, Want: want}})
		}
		return Result{Status: Passed, Summary: fmt.Sprintf("answered %d in %s", got.Status(), got.Took().Round(time.Millisecond))}
	})
}

// lacks is what the answer should have been; "" if it is that. Values of headers may be secrets on both sides.
func (h HTTP) lacks(got Response) string {
	if h.Status == 0 && (got.Status() < 200 || got.Status() > 299) {
		return "200 to 299"
	}
	if h.Status != 0 && got.Status() != h.Status {
		return fmt.Sprintf("%d", h.Status)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Header)) {
		for _, value := range h.Header[name] {
			if !slices.Contains(got.Header().Values(name), value) {
				return "header " + name + " with the value that was asked for"
			}
		}
	}
	return ""
}

// failed is the result of a sighting that is not what it should be, with its diagnosis.
func failed(seen Sighting) Result {
	d := Diagnose(seen)
	summary := d.Cause
	if seen.Err != nil {
		summary = brief(withoutPrefix(seen.Err), 300) + ": " + d.Cause
	}
	return Result{Status: d.Status, Summary: summary, Hint: d.Remedy, Err: seen.Err}
}

// withoutPrefix is the text of an error within a sentence of this package.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "probe: ") }

// Teapot checks that an httpbin answers, not a proxy: status 418, the header X-More-Info naming RFC 2324, and a body
// with the word teapot. Python's httpbin draws one, go-httpbin writes "I'm a teapot!" (kennethreitz/httpbin
// httpbin/core.py, mccutchen/go-httpbin httpbin/handlers.go); the ASM page shows the drawing. Check "teapot".
type Teapot struct {
	From Sender // nil: Direct{}
	URL  string // of the httpbin, e.g. http://httpbin:8000
}

const rfc2324 = "http://tools.ietf.org/html/rfc2324"

// Probe implements [Prober].
func (t Teapot) Probe(ctx context.Context) Result {
	return examine("teapot", shownURL(t.URL), func() Result {
		url := under(t.URL, "/status/418")
		got, err := send(ctx, t.From, Request{URL: url})
		if err != nil {
			return failed(Sighting{Err: err})
		}
		if !isTeapot(got) {
			return failed(Sighting{Response: got, Err: &AnswerError{URL: shownURL(url), Response: got, Want: "the teapot of an httpbin"}})
		}
		return Result{Status: Passed, Summary: "an httpbin answered that it is a teapot"}
	})
}

func isTeapot(r Response) bool {
	return r.Status() == http.StatusTeapot && r.Header().Get("X-More-Info") == rfc2324 && bytes.Contains(r.body(), []byte("teapot"))
}

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
	seen := &progress{to: hostPort(u)}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, seen.trace()), http.MethodGet, u.String(), http.NoBody)
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
	if missing(client) {
		client = plainClient()
	}
	start := time.Now()
	got, err := client.Do(req)
	if err != nil {
		return Response{}, seen.failed(u, err)
	}
	defer got.Body.Close()
	seen.note(func() { seen.answered = true })
	body, err := io.ReadAll(io.LimitReader(got.Body, bodyLimit+1)) // one more tells a body that is cut
	if err != nil {
		return Response{}, seen.failed(u, err)
	}
	return NewResponse(got.StatusCode, got.Header, body, time.Since(start)), nil
}

func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// progress is how far a request of this process came, which its error alone does not say.
type progress struct {
	mu                                                          sync.Mutex
	resolving, connected, shaking, encrypted, answered, proxied bool

	to string // host and port of the URL
}

func (p *progress) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:              func(to string) { p.note(func() { p.proxied = !strings.EqualFold(to, p.to) }) },
		DNSStart:             func(httptrace.DNSStartInfo) { p.note(func() { p.resolving = true }) },
		DNSDone:              func(httptrace.DNSDoneInfo) { p.note(func() { p.resolving = false }) },
		ConnectDone:          func(_, _ string, err error) { p.note(func() { p.connected = p.connected || err == nil }) },
		GotConn:              func(httptrace.GotConnInfo) { p.note(func() { p.connected = true }) },
		TLSHandshakeStart:    func() { p.note(func() { p.shaking = true }) },
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { p.note(func() { p.encrypted = err == nil }) },
		GotFirstResponseByte: func() { p.note(func() { p.answered = true }) },
	}
}

// failed classes an error of this process. url.Error is taken off: it repeats the URL with its query.
func (p *progress) failed(u *url.URL, err error) *RequestError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := kindOf(err)
	switch {
	case p.answered && (kind == KindReset || kind == KindEmpty || kind == KindTimeout):
		kind = KindTruncated
	case p.shaking && !p.encrypted && (kind == KindReset || kind == KindEmpty || kind == KindTruncated):
		kind = KindTLS // cut within the handshake: nothing was asked yet
	case (p.proxied || !p.connected) && (kind == KindReset || kind == KindEmpty):
		kind = KindOther // a Doer of the caller's: nobody saw a connection to the server, nor what came over it
	case kind == KindTimeout && p.resolving:
		kind = KindResolver
	case kind == KindTimeout && !p.connected:
		kind = KindConnectTimeout
	}
	return unanswered(kind, u, err.Error(), err)
}

// headerBlock reads one status line with its header lines.
func headerBlock(in []byte) (status int, header http.Header, rest []byte, err error) {
	block, rest, found := bytes.Cut(in, []byte("\r\n\r\n"))
	if !found {
		return 0, nil, nil, fmt.Errorf("%w: the header block has no end", errCurlOutput)
	}
	line, lines, _ := strings.Cut(string(block), "\r\n")
	version, after, _ := strings.Cut(line, " ")
	number, _, _ := strings.Cut(after, " ")
	status, err = strconv.Atoi(number)
	if !strings.HasPrefix(version, "HTTP/") || err != nil || status < 100 || status > 999 {
		return 0, nil, nil, fmt.Errorf("%w: it has no status line", errCurlOutput)
	}
	parsed, err := textproto.NewReader(bufio.NewReader(strings.NewReader(lines + "\r\n\r\n"))).ReadMIMEHeader()
	if err != nil && lines != "" {
		return 0, nil, nil, fmt.Errorf("%w: a header line is malformed", errCurlOutput)
	}
	return status, http.Header(parsed), rest, nil
}
