package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
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
	start := time.Now()
	target := shownURL(h.Request.URL)
	got, err := send(ctx, h.From, h.Request)
	if err != nil {
		return failed("http", target, start, Sighting{Err: err})
	}
	if want := h.lacks(got); want != "" {
		return failed("http", target, start, Sighting{Response: got, Err: &AnswerError{URL: target, Response: got, Want: want}})
	}
	return Result{
		Check: "http", Target: target, Status: Passed, Took: time.Since(start),
		Summary: fmt.Sprintf("answered %d in %s", got.Status, got.Took.Round(time.Millisecond)),
	}
}

// lacks is what the answer should have been; "" if it is that.
func (h HTTP) lacks(got Response) string {
	if h.Status == 0 && (got.Status < 200 || got.Status > 299) {
		return "200 to 299"
	}
	if h.Status != 0 && got.Status != h.Status {
		return fmt.Sprintf("%d", h.Status)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Header)) {
		for _, value := range h.Header[name] {
			if !slices.Contains(got.Header.Values(name), value) {
				return "header " + name + ": " + value
			}
		}
	}
	return ""
}

// send sends with the sender, or directly if there is none.
func send(ctx context.Context, from Sender, r Request) (Response, error) {
	if from == nil {
		from = Direct{}
	}
	return from.Send(ctx, r)
}

// failed is the result of a sighting that is not what it should be, with its diagnosis.
func failed(check, target string, start time.Time, seen Sighting) Result {
	d := Diagnose(seen)
	summary := d.Cause
	if seen.Err != nil {
		summary = strings.TrimPrefix(seen.Err.Error(), "probe: ") + ": " + d.Cause
	}
	return Result{Check: check, Target: target, Status: d.Status, Took: time.Since(start), Summary: summary, Hint: d.Remedy, Err: seen.Err}
}

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

var errNotHTTPBin = errors.New("probe: the body is not that of an httpbin")

// words is a header's value in the JSON of either httpbin: Python's writes a string, go-httpbin a list of them.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// headersIn reads the answer of /headers: what the server's app was sent.
func headersIn(body []byte) (http.Header, error) {
	var answer struct {
		Headers map[string]words `json:"headers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	if answer.Headers == nil {
		return nil, fmt.Errorf("%w: it has no headers", errNotHTTPBin)
	}
	header := http.Header{}
	for name, values := range answer.Headers {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return header, nil
}

// envCluster is the variable that names the cluster; go-httpbin shows those that begin with HTTPBIN_ENV_ from v2.16.0 on.
const envCluster = "HTTPBIN_ENV_CLUSTER"

// dummyHostname is what go-httpbin says unless USE_REAL_HOSTNAME is set (mccutchen/go-httpbin README).
const dummyHostname = "go-httpbin"

// selfIn reads the answer of /env or /hostname: who the app says it is. Either may be "".
func selfIn(body []byte) (cluster, pod string, err error) {
	var answer struct {
		Hostname string            `json:"hostname"`
		Env      map[string]string `json:"env"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", "", fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	return answer.Env[envCluster], answer.Hostname, nil
}
