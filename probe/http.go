package probe

import (
	"context"
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
