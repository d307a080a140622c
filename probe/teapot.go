package probe

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

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
	start := time.Now()
	target := shownURL(t.URL)
	got, err := send(ctx, t.From, Request{URL: under(t.URL, "/status/418")})
	if err != nil {
		return failed("teapot", target, start, Sighting{Err: err})
	}
	if !isTeapot(got) {
		err := &AnswerError{URL: shownURL(under(t.URL, "/status/418")), Response: got, Want: "the teapot of an httpbin"}
		return failed("teapot", target, start, Sighting{Response: got, Err: err})
	}
	return Result{Check: "teapot", Target: target, Status: Passed, Took: time.Since(start), Summary: "an httpbin answered that it is a teapot"}
}

func isTeapot(r Response) bool {
	return r.Status == http.StatusTeapot && r.Header.Get("X-More-Info") == rfc2324 && bytes.Contains(r.Body, []byte("teapot"))
}
