package traffic

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// ElsewhereError says that To did not answer, although there were answers: From's own pods gave them, or other traffic of the
// client hid who did.
type ElsewhereError struct {
	To    string // its ID
	Asked int    // how many times
}

// Error tells how often was asked.
func (e *ElsewhereError) Error() string { return "traffic: " + e.seen() }

func (e *ElsewhereError) seen() string {
	return fmt.Sprintf("%d answers, none that was seen to come from %s", e.Asked, e.To)
}

// stays is what to do about it.
const stays = "see whether locality load balancing, a VirtualService or a DestinationRule keeps requests where they are; " +
	"ask a service that has pods in the other cluster only, or prove it with Workload.Failover"

// toward is a probe.Sender that asks until the client's proxy counted the answer at an endpoint of To: what is said of the
// answer is then said of To.
type toward struct{ *levels }

// Send implements [probe.Sender].
func (l toward) Send(ctx context.Context, r probe.Request) (probe.Response, error) {
	asked := 0
	for range asks(ctx, l.Asks) {
		asked++
		before, err := l.client.proxy.Endpoints(ctx, l.cluster())
		if err != nil {
			return probe.Response{}, err
		}
		response, err := l.client.curl.Send(ctx, r)
		if err != nil {
			return response, err
		}
		after, err := l.client.proxy.Endpoints(ctx, l.cluster())
		if err != nil {
			return probe.Response{}, err
		}
		switch ours, others, err := l.counted(ctx, before, after); {
		case err != nil:
			return probe.Response{}, err
		case ours > 0 && others == 0, ours+others == 0 && byProxy(response.Status()):
			return response, nil
		}
	}
	return probe.Response{}, &ElsewhereError{l.to.ID, asked}
}

// byProxy says that an answer which no endpoint was counted for is the proxy's own refusal. No proxy is a teapot: that one
// came by a way that is not counted, from who knows where.
func byProxy(status int) bool {
	return status >= http.StatusBadRequest && status != http.StatusTeapot
}

// asks are up to n turns, the first at once, and no further one when half of the time that ctx leaves is over: what was seen
// has to be told before time is up.
func asks(ctx context.Context, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		deadline, limited := ctx.Deadline()
		half := time.Now().Add(time.Until(deadline) / 2)
		for i := range n {
			if ctx.Err() != nil || i > 0 && limited && time.Now().After(half) || !yield(i) {
				return
			}
		}
	}
}

// counted is how many answers were counted between two looks, at To and elsewhere.
func (l toward) counted(ctx context.Context, before, after []probe.Endpoint) (ours, others uint64, err error) {
	was := map[string]uint64{}
	for _, e := range before {
		was[e.Address] += e.Answers()
	}
	for _, e := range after {
		if e.Answers() <= was[e.Address] {
			continue
		}
		mine, err := l.isTo(ctx, e.Address)
		if err != nil {
			return 0, 0, err
		}
		if mine {
			ours += e.Answers() - was[e.Address]
		} else {
			others += e.Answers() - was[e.Address]
		}
	}
	return ours, others, nil
}
