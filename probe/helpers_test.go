package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/probe"
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
		return probe.Response{Status: code, Header: header, Body: []byte(body), Took: time.Millisecond}, nil
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
		return probe.Output{Stdout: []byte(stdout), Stderr: []byte(stderr), ExitCode: exit}, nil
	})
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
