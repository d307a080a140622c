package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/probe"
	"github.com/stretchr/testify/require"
)

// always is a prober with one answer.
func always(r probe.Result) probe.Prober {
	return probe.ProberFunc(func(context.Context) probe.Result { return r })
}

func status(s probe.Status) probe.Prober { return always(probe.Result{Status: s}) }

func statuses(results []probe.Result) []probe.Status {
	var all []probe.Status
	for _, r := range results {
		all = append(all, r.Status)
	}
	return all
}

// says is a sender with one answer.
func says(code int, body string, headers ...string) probe.Sender {
	header := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	return probe.SenderFunc(func(context.Context, probe.Request) (probe.Response, error) {
		return probe.NewResponse(code, header, []byte(body), time.Millisecond), nil
	})
}

// fails is a sender without an answer.
func fails(kind probe.Kind) probe.Sender {
	return probe.SenderFunc(func(_ context.Context, r probe.Request) (probe.Response, error) {
		return probe.Response{}, &probe.RequestError{Kind: kind, URL: r.URL}
	})
}

// prints is an executor with one output.
func prints(exit int, stdout, stderr string) probe.Executor {
	return probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) {
		return probe.NewOutput(exit, []byte(stdout), []byte(stderr)), nil
	})
}

// sameResponse compares what was kept: closures never compare as equal.
func sameResponse(t *testing.T, want, got probe.Response) {
	t.Helper()
	require.Equal(t, want.Status(), got.Status())
	require.Equal(t, want.Took(), got.Took())
	require.Equal(t, want.Header(), got.Header())
	require.Equal(t, string(want.Body()), string(got.Body()))
}

// places is a locator over a table.
func places(table map[string]string) probe.Locator {
	return probe.LocatorFunc(func(_ context.Context, what string) ([]string, error) {
		switch where := table[what]; where {
		case "":
			return nil, nil
		case "error":
			return nil, errors.New("not reachable")
		default:
			return strings.Split(where, ","), nil
		}
	})
}

const service = "outbound|8000||httpbin.default.svc.cluster.local"

// clusters is Envoy's page for endpoints with so many answers.
func clusters(answers map[string]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s::default_priority::max_connections::4294967295\n%s::added_via_api::true\n", service, service)
	for address, n := range answers {
		for _, line := range []string{"cx_connect_fail::0", fmt.Sprintf("rq_success::%d", n), "rq_error::0", "hostname::", "health_flags::healthy", "weight::1"} {
			fmt.Fprintf(&b, "%s::%s::%s\n", service, address, line)
		}
	}
	return b.String()
}

var (
	sleepID   = probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/sleep")
	httpbinID = probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/httpbin")
)
