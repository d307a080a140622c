package reach

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

const service = "outbound|80||orders.shop.svc.cluster.local"

// client is one whose requests get an answer that its proxy counts at addresses.
type client struct {
	status  int
	err     error
	at      []string
	answers map[string]int
}

func (c *client) Send(context.Context, probe.Request) (probe.Response, error) {
	if c.err != nil {
		return probe.Response{}, c.err
	}
	for _, address := range c.at {
		c.answers[address]++
	}
	return probe.NewResponse(c.status, nil, []byte("upstream connect error or disconnect/reset before headers. reset reason: connection timeout"), 0), nil
}

func (c *client) Exec(context.Context, probe.Command) (probe.Output, error) {
	page := ""
	for _, address := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.9.9.9:80"} {
		page += fmt.Sprintf("%s::%s::rq_success::%d\n%[1]s::%[2]s::health_flags::healthy\n", service, address, c.answers[address])
	}
	return probe.NewOutput(0, []byte(page), nil), nil
}

// TestAsked: only an answer that is seen to be To's, and no proxy's refusal, counts.
func TestAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		client  client
		status  probe.Status
		summary string
	}{
		"To":             {client{status: 404, at: []string{"10.0.0.2:80"}}, probe.Passed, "west answers 404, at 10.0.0.2:80"},
		"From":           {client{status: 200, at: []string{"10.0.0.1:80"}}, probe.Unknown, "3 answers, none that was seen to come from west"},
		"nobody knows":   {client{status: 200, at: []string{"10.9.9.9:80"}}, probe.Unknown, "none that was seen"},
		"not counted":    {client{status: 200}, probe.Unknown, "none that was seen"},
		"other traffic":  {client{status: 200, at: []string{"10.0.0.1:80", "10.0.0.2:80"}}, probe.Unknown, "none that was seen"},
		"refusal":        {client{status: 503}, probe.Failed, "the client's proxy gets no connection to the endpoint"},
		"refusal, there": {client{status: 503, at: []string{"10.0.0.2:80"}}, probe.Failed, "the client's proxy gets no connection to the endpoint"},
		"no answer":      {client{err: &probe.RequestError{Kind: probe.KindRefused}}, probe.Failed, ""},
		"not asked":      {client{err: &probe.RequestError{Kind: probe.KindForbidden}}, probe.Unknown, ""},
		"unknown":        {client{err: errors.New("other")}, probe.Failed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.client.answers = map[string]int{}
			a := &asked{
				curl: &tt.client, proxy: probe.PilotAgent{In: &tt.client}, url: "http://orders.shop:80/", service: service, to: "west", asks: 3,
				locator: probe.LocatorFunc(func(_ context.Context, address string) ([]string, error) {
					return map[string][]string{"10.0.0.1": {"east"}, "10.0.0.2": {"west"}, "10.9.9.9": {"east", "west"}}[address], nil
				}),
			}
			r := a.probe(t.Context())
			require.Equal(t, tt.status, r.Status, "%+v", r)
			require.Contains(t, r.Summary, tt.summary)
		})
	}
}
