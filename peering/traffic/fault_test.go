package traffic_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// look climbs the rungs of a Workload up to one of them, as peering does.
func look(t *testing.T, w *traffic.Workload, from, to traffic.Side, check string) probe.Result {
	t.Helper()
	for _, r := range w.Rungs(from, to) {
		got := r.Probe(t.Context())
		if r.Check == check {
			return got
		}
	}
	require.Fail(t, "no rung "+check)
	return probe.Result{}
}

// TestAnswerThatNoProxyCounted: one that came past the proxy's count is nobody's, a teapot too.
func TestAnswerThatNoProxyCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		want   probe.Status
		says   string
	}{
		"a teapot":            {http.StatusTeapot, probe.Unknown, "20 answers, none that was seen to come from west"},
		"the proxy's refusal": {http.StatusServiceUnavailable, probe.Failed, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, _, link := town(t, true)
				pods, err := east.Exec("default", "sleep-east-1", "istio-proxy").Exec(t.Context(), probe.Command{Args: []string{"pilot-agent", "request", "GET", "clusters"}})
				require.NoError(t, err)
				answer(east, "pilot-agent", pods)
				if tt.status != http.StatusTeapot {
					answer(east, "curl", curled(tt.status, "no healthy upstream"))
				}
				from, to := link.Sides()
				got := look(t, &traffic.Workload{Poll: probe.Poll{Timeout: 1}}, from, to, "teapot")
				require.Equal(t, tt.want, got.Status, "%+v", got)
				require.Contains(t, got.Summary, tt.says)
				require.NotEmpty(t, got.Hint)
			})
		})
	}
}

// TestOtherTrafficOfTheClient hides whose an answer is.
func TestOtherTrafficOfTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := town(t, true)
		real := east.Exec
		east.Exec = func(namespace, pod, container string) probe.Executor {
			return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
				if c.Args[0] == "pilot-agent" {
					for range 3 { // one for each endpoint
						_, err := real(namespace, pod, "app").Exec(ctx, probe.Command{Args: []string{"curl", "http://httpbin.default.svc.cluster.local:8000/get"}})
						require.NoError(t, err)
					}
				}
				return real(namespace, pod, container).Exec(ctx, c)
			})
		}
		from, to := link.Sides()
		got := look(t, &traffic.Workload{Poll: probe.Poll{Timeout: 1}}, from, to, "teapot")
		require.Equal(t, probe.Unknown, got.Status, "%+v", got)
		require.Contains(t, got.Summary, "none that was seen to come from west")
	})
}

// TestSidesOfOthers: a Side that somebody else fills may lack what Connect gives. What cannot be seen is Unknown.
func TestSidesOfOthers(t *testing.T) {
	refused := &istiod.MissingError{Seen: "none", Remedy: "start one"}
	for name, tt := range map[string]struct {
		replicas func(context.Context) ([]istiod.Replica, error)
		hosted   bool
		hint     string
	}{
		"unknown istiods": {nil, false, "list pods"},
		"hosted":          {nil, true, "only the host"},
		"none":            {func(context.Context) ([]istiod.Replica, error) { return nil, nil }, false, "list pods"},
		"missing":         {func(context.Context) ([]istiod.Replica, error) { return nil, refused }, false, "start one"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, link := town(t, true)
				from, to := link.Sides()
				from.Replicas, from.Hosted = tt.replicas, tt.hosted
				for _, check := range []string{"istiod-endpoints", "network-gateway"} {
					got := look(t, &traffic.Workload{}, from, to, check)
					require.Equal(t, probe.Unknown, got.Status, "%+v", got)
					require.ErrorIs(t, got.Err, istiod.ErrNotReady)
					require.Contains(t, got.Hint, tt.hint)
				}
			})
		})
	}
}

// TestWhoElseHasTheService is known only if every istiod told: the silent one may know of a third cluster.
func TestWhoElseHasTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, east, _, link := town(t, true)
		update(t, east, "httpbin", func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32) })
		sign := "the client's own cluster had no ready endpoint"
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Contains(t, result(t, report, "answered-by").Summary, sign)
		east.Istiods.Scale("istiod-1", "istiod-2")
		east.Istiods.FailReplica("istiod-2", errors.New("no route"))
		report, err = p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.NotContains(t, result(t, report, "answered-by").Summary, sign)
	})
}

// TestDeploymentWithoutSelector has no pods of its own: not every pod is one.
func TestDeploymentWithoutSelector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, _ := town(t, true)
		d := deployment("bare")
		must(t, east, d)
		_, err := traffic.Executor{Side: east.Side(), Namespace: "default", Deployment: "bare"}.Exec(t.Context(), probe.Command{Args: []string{"true"}})
		require.ErrorContains(t, err, "selects every pod")
	})
}

// TestRung is fit to be shown, whatever its prober does.
func TestRung(t *testing.T) {
	cause := errors.New("seen")
	for name, tt := range map[string]struct {
		prober probe.Prober
		want   probe.Status
	}{
		"fails": {probe.ProberFunc(func(context.Context) probe.Result {
			return probe.Result{Check: "other", Status: probe.Failed, Summary: "a\nb", Hint: "do", Err: cause}
		}), probe.Failed},
		"nil":    {nil, probe.Unknown},
		"panics": {probe.ProberFunc(func(context.Context) probe.Result { panic(1) }), probe.Unknown},
		"odd":    {probe.ProberFunc(func(context.Context) probe.Result { return probe.Result{Status: "FINE"} }), probe.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			got := traffic.Rung{Check: "grpc", Prober: tt.prober}.Probe(t.Context())
			require.Equal(t, "grpc", got.Check)
			require.Equal(t, tt.want, got.Status)
			var level *traffic.LevelError
			require.Equal(t, tt.want == probe.Failed, errors.As(got.Err, &level))
			if level != nil {
				require.EqualError(t, level, `grpc: a\nb`)
				require.ErrorIs(t, level, cause)
				require.Equal(t, "do", level.Remedy)
			}
		})
	}
	require.Nil(t, (*traffic.Workload)(nil).Rungs(traffic.Side{}, traffic.Side{}))
	require.NoError(t, (*traffic.Workload)(nil).Validate())
}
