package probe_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

const clustersPage = `outbound|8000||httpbin.default.svc.cluster.local::observability_name::outbound|8000||httpbin.default.svc.cluster.local
outbound|8000||httpbin.default.svc.cluster.local::default_priority::max_connections::4294967295
outbound|8000||httpbin.default.svc.cluster.local::added_via_api::true
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::cx_active::1
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::cx_connect_fail::2
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::rq_error::3
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::rq_success::11
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::rq_timeout::4
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::hostname::
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::health_flags::/failed_outlier_check
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::weight::1
outbound|8000||httpbin.default.svc.cluster.local::10.2.0.14:8080::success_rate::-1
outbound|8000||httpbin.default.svc.cluster.local::[fd00::9]:15443::rq_success::9
outbound|8000||httpbin.default.svc.cluster.local::[fd00::9]:15443::health_flags::healthy
outbound|8000||httpbin.default.svc.cluster.local::[fd00::9]:15443::weight::2
xds-grpc::./etc/istio/proxy/XDS::health_flags::healthy
broken
broken::[fd00::health_flags::healthy
`

func TestParseEndpoints(t *testing.T) {
	require.Equal(t, []probe.Endpoint{
		{Service: service, Address: "10.2.0.14:8080", Health: "/failed_outlier_check", Weight: 1, Success: 11, Errors: 3, Timeouts: 4, ConnectFailed: 2},
		{Service: service, Address: "[fd00::9]:15443", Health: "healthy", Weight: 2, Success: 9},
		{Service: "xds-grpc", Address: "./etc/istio/proxy/XDS", Health: "healthy"},
	}, probe.ParseEndpoints([]byte(clustersPage))[:3])
	require.Empty(t, probe.ParseEndpoints(nil))
}

func TestPilotAgent(t *testing.T) {
	var asked []string
	agent := probe.PilotAgent{In: probe.ExecutorFunc(func(_ context.Context, c probe.Command) (probe.Output, error) {
		asked = c.Args
		return probe.NewOutput(0, []byte(clustersPage), nil), nil
	})}
	found, err := agent.Endpoints(t.Context(), service)
	require.NoError(t, err)
	require.Equal(t, []string{"pilot-agent", "request", "GET", "clusters"}, asked)
	require.Len(t, found, 2)
	require.False(t, found[0].Healthy())
	require.True(t, found[1].Healthy())
	require.EqualValues(t, 14, found[0].Answers())

	found, err = agent.Endpoints(t.Context(), "outbound|8000||nobody")
	require.NoError(t, err)
	require.NotNil(t, found, "an empty list was read, nil was not")
	require.Empty(t, found)

	var failed *probe.RequestError
	_, err = probe.PilotAgent{In: prints(1, "", "connection refused")}.Endpoints(t.Context(), "")
	require.ErrorAs(t, err, &failed)
	require.EqualError(t, err, "probe: GET http://localhost:15000/clusters: pilot-agent: exit code 1: connection refused")
	broken := probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) { return probe.Output{}, os.ErrPermission })
	_, err = probe.PilotAgent{In: broken}.Endpoints(t.Context(), "")
	require.ErrorIs(t, err, os.ErrPermission)
	var field *probe.FieldError
	_, err = probe.PilotAgent{}.Endpoints(t.Context(), "")
	require.ErrorAs(t, err, &field)
}

func TestExplain(t *testing.T) {
	answered := func(body string) probe.Prober {
		return always(probe.Result{Status: probe.Failed, Summary: "got 503", Hint: "old", Err: &probe.AnswerError{Response: probe.NewResponse(503, nil, []byte(body), 0)}})
	}
	page := func(line string) probe.PilotAgent {
		return probe.PilotAgent{In: prints(0, service+"::10.1.0.4:8080::health_flags::healthy\n"+line, "")}
	}
	r := probe.Explain(answered("upstream connect error, reset reason: connection timeout"), page(service+"::10.1.0.4:8080::cx_connect_fail::3"), service).Probe(t.Context())
	require.Contains(t, r.Summary, "pod addresses of the other cluster")
	require.Contains(t, r.Summary, "10.1.0.4:8080 (healthy, 3 failed to connect)")
	require.Contains(t, r.Hint, "topology.istio.io/network")

	r = probe.Explain(answered("odd"), page(service+"::10.1.0.4:8080::health_flags::/failed_active_hc"), service).Probe(t.Context())
	require.Contains(t, r.Summary, "holds all of them to be unhealthy")
	r = probe.Explain(answered("odd"), page(""), service).Probe(t.Context())
	require.Equal(t, "old", r.Hint, "nothing better is known")
	r = probe.Explain(answered("no healthy upstream"), probe.PilotAgent{In: prints(0, "", "")}, service).Probe(t.Context())
	require.Contains(t, r.Summary, "the client's proxy has no endpoint")
	r = probe.Explain(answered("x"), probe.PilotAgent{In: prints(1, "", "")}, service).Probe(t.Context())
	require.Equal(t, "got 503; the client's proxy could not be read", r.Summary)
	require.Equal(t, probe.Passed, probe.Explain(status(probe.Passed), probe.PilotAgent{}, service).Probe(t.Context()).Status)
	many := map[string]int{}
	for i := range 12 {
		many["10.1.0."+string(rune('a'+i))+":1"] = i
	}
	r = probe.Explain(always(probe.Result{Status: probe.Failed, Err: errors.New("odd")}), probe.PilotAgent{In: prints(0, clusters(many), "")}, service).Probe(t.Context())
	require.Contains(t, r.Summary, "8 more")
}

func FuzzParseEndpoints(f *testing.F) {
	f.Add([]byte(clustersPage))
	f.Add([]byte("a::[::1]:80::rq_success::18446744073709551615"))
	f.Fuzz(func(t *testing.T, page []byte) {
		seen := map[[2]string]bool{}
		for _, e := range probe.ParseEndpoints(page) {
			require.NotEmpty(t, e.Service)
			require.False(t, seen[[2]string{e.Service, e.Address}], "an endpoint comes once")
			seen[[2]string{e.Service, e.Address}] = true
		}
	})
}
