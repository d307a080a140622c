package traffic_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// peered is a link whose From has two istiods that have read To.
func peered(t *testing.T) (east, west *peeringtest.Member, from, to traffic.Side) {
	t.Helper()
	_, east, west, link := pair()
	east.Istiods.Scale("istiod-1", "istiod-2")
	_, err := new(peering.Peering).Ensure(t.Context(), link)
	require.NoError(t, err)
	east.ForgetCalls()
	west.ForgetCalls()
	from, to = link.Sides()
	return east, west, from, to
}

var anySlice = &discoveryv1.EndpointSlice{TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}}

func canaries(t *testing.T, m *peeringtest.Member) (all []*discoveryv1.EndpointSlice) {
	t.Helper()
	found, err := m.List(t.Context(), anySlice, "meshpeer.io/canary")
	require.NoError(t, err)
	for _, o := range found {
		all = append(all, o.(*discoveryv1.EndpointSlice))
	}
	return all
}

func verbs(m *peeringtest.Member) string {
	var all []string
	for _, c := range m.Calls() {
		all = append(all, c.Verb+" "+c.Kind)
	}
	m.ForgetCalls()
	return strings.Join(all, ", ")
}

func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, west, from, to := peered(t)
		m := traffic.Freshness{}.Measure(t.Context(), from, to)
		require.NoError(t, m.Err)
		require.Len(t, m.Replicas, 2)
		after, ok := m.Slowest()
		require.True(t, ok)
		require.Less(t, after, time.Second)
		require.Equal(t, probe.Passed, m.Result().Status, "%+v", m)
		require.Equal(t, "every istiod sees a change in west: istiod-1 0s, istiod-2 0s", m.Result().Summary)
		require.Empty(t, canaries(t, west))
		require.Empty(t, verbs(east), "From is only read")
	})
}

// TestCanaryDrawsNoTraffic: what is in To is of no Service, never ready, at addresses for documentation, and of a name, a label and
// a deadline by which it can be told.
func TestCanaryDrawsNoTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, west, from, to := peered(t)
		c := traffic.Freshness{Namespace: "watched", Keep: time.Hour}.Canary(from, to)
		for range 25 {
			require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
			all := canaries(t, west)
			require.Len(t, all, 1)
			s := all[0]
			require.Equal(t, "watched", s.Namespace)
			require.True(t, strings.HasPrefix(s.Name, "meshpeer-canary-east-"), s.Name)
			require.Equal(t, map[string]string{
				"app.kubernetes.io/managed-by": "meshpeer", "meshpeer.io/canary": "east", "kubernetes.io/service-name": "meshpeer-canary",
				"endpointslice.kubernetes.io/managed-by": "meshpeer", "service.kubernetes.io/headless": "",
			}, s.Labels)
			require.Equal(t, time.Now().Add(time.Hour).UTC().Format(time.RFC3339), s.Annotations["meshpeer.io/canary-until"])
			require.Len(t, s.Endpoints, 1)
			_, documentation, err := net.ParseCIDR("192.0.2.0/24")
			require.NoError(t, err)
			for _, e := range s.Endpoints {
				require.Nil(t, e.TargetRef)
				require.False(t, *e.Conditions.Ready || *e.Conditions.Serving || *e.Conditions.Terminating)
				for _, a := range e.Addresses {
					require.True(t, documentation.Contains(net.ParseIP(a)), a)
				}
			}
			time.Sleep(time.Minute)
		}
		services, err := west.List(t.Context(), &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}}, "")
		require.NoError(t, err)
		for _, s := range services {
			require.NotContains(t, s.GetName(), "canary")
		}
		require.NoError(t, c.Close(t.Context()))
		require.NoError(t, c.Close(t.Context()), "again")
		require.Empty(t, canaries(t, west))
	})
}

// TestCostOfLooks is what docs say of it.
func TestCostOfLooks(t *testing.T) {
	_, west, from, to := peered(t)
	c := traffic.Freshness{}.Canary(from, to)
	require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
	require.Equal(t, "list EndpointSlice, create EndpointSlice", verbs(west))
	require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
	require.Equal(t, "update EndpointSlice", verbs(west))
	require.NoError(t, c.Close(t.Context()))
	require.Equal(t, "get EndpointSlice, delete EndpointSlice", verbs(west))
}

// TestStaleIstiod: one replica that says synced and sees nothing any more is the verdict, whatever the others do.
func TestStaleIstiod(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(*peeringtest.Istiods)
		want    probe.Status
		says    string
	}{
		"stale": {func(i *peeringtest.Istiods) { i.GoStale("istiod-2") }, probe.Failed, "a change in west is not seen after 5s by istiod-2, which says synced"},
		"both": {
			func(i *peeringtest.Istiods) { i.GoStale("istiod-1"); i.GoStale("istiod-2") }, probe.Failed,
			"a change in west is not seen after 5s by istiod-1, which says synced; istiod-2, which says synced",
		},
		"stale, and one silent": {func(i *peeringtest.Istiods) {
			i.GoStale("istiod-2")
			i.FailReplica("istiod-1", errors.New("no route"))
		}, probe.Failed, "istiod-2"},
		"silent":     {func(i *peeringtest.Istiods) { i.FailReplica("istiod-1", errors.New("no route")) }, probe.Unknown, "istiod-1 could not be asked"},
		"not synced": {func(i *peeringtest.Istiods) { i.Stick("istiod-1", istiod.NotSeen) }, probe.Failed, "istiod-1, which says not seen"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				east, west, from, to := peered(t)
				tt.arrange(east.Istiods)
				start := time.Now()
				m := traffic.Freshness{}.Measure(t.Context(), from, to)
				got := m.Result()
				require.Equal(t, tt.want, got.Status, "%+v", got)
				require.Contains(t, got.Summary, tt.says)
				require.NotEmpty(t, got.Hint)
				require.Equal(t, 5*time.Second, time.Since(start), "Within")
				_, ok := m.Slowest()
				require.False(t, ok, "no figure")
				require.Empty(t, canaries(t, west))
			})
		})
	}
}

// TestStaleIstiodThatShowsEarlierChanges: of the same canary, and of another that chose the same address.
func TestStaleIstiodThatShowsEarlierChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, _, from, to := peered(t)
		c := traffic.Freshness{}.Canary(from, to)
		require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
		east.Istiods.GoStale("istiod-1")
		require.Equal(t, probe.Failed, traffic.Freshness{}.Measure(t.Context(), from, to).Result().Status)
		require.Equal(t, probe.Failed, c.Probe(t.Context()).Status)
		east.Istiods.RestartInPlace()
		require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
		require.NoError(t, c.Close(t.Context()))
	})
}

// TestSlowIstiod: documents that take long, and an API server that does.
func TestSlowIstiod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, west, from, to := peered(t)
		west.Inject(peeringtest.Fault{Match: peeringtest.On("create", "EndpointSlice"), Delay: 2 * time.Second, Answer: func(peeringtest.Call) error { return nil }})
		got := traffic.Freshness{}.Measure(t.Context(), from, to).Result()
		require.Equal(t, probe.Warned, got.Status)
		require.Contains(t, got.Summary, "seen late: istiod-1 2s, istiod-2 2s; the API server took 2s of it to store the change")

		from.Replicas = slowed(from.Replicas, "istiod-2", 6*time.Second)
		m := traffic.Freshness{}.Measure(t.Context(), from, to)
		require.Equal(t, probe.Warned, m.Result().Status, "it is seen, in a document that took longer than Within")
		after, ok := m.Slowest()
		require.True(t, ok)
		require.Equal(t, 6*time.Second, after)
		require.NotContains(t, m.Result().Summary, "API server")

		from.Replicas = slowed(from.Replicas, "istiod-2", time.Hour)
		require.Equal(t, probe.Unknown, traffic.Freshness{}.Measure(t.Context(), from, to).Result().Status, "it hangs")
	})
}

// slowed makes a replica answer late.
func slowed(all func(context.Context) ([]istiod.Replica, error), name string, by time.Duration) func(context.Context) ([]istiod.Replica, error) {
	return func(ctx context.Context) ([]istiod.Replica, error) {
		replicas, err := all(ctx)
		for i, r := range replicas {
			if r.Name == name {
				replicas[i].Debug = func(ctx context.Context, path string) ([]byte, error) {
					select {
					case <-time.After(by):
						return r.Debug(ctx, path)
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
			}
		}
		return replicas, err
	}
}

// TestRolloutDuringALook: every istiod is those that there are at the end.
func TestRolloutDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, _, from, to := peered(t)
		from.Replicas = slowed(from.Replicas, "istiod-1", time.Second)
		go func() {
			time.Sleep(time.Second / 2)
			east.Istiods.Drop("istiod-2")
			east.Istiods.Add(peeringtest.Replica{Name: "istiod-3"})
			east.Istiods.GoStale("istiod-3")
			east.Istiods.RestartInPlace()
		}()
		m := traffic.Freshness{}.Measure(t.Context(), from, to)
		require.Equal(t, probe.Passed, m.Result().Status, "%+v", m)
		require.Equal(t, "istiod-1", m.Replicas[0].Replica)
		require.Equal(t, "istiod-3", m.Replicas[1].Replica)

		// Without an end to it nothing is known.
		all, n := from.Replicas, 0
		from.Replicas = func(ctx context.Context) ([]istiod.Replica, error) {
			replicas, err := all(ctx)
			n++
			for i := range replicas {
				replicas[i].UID = strings.Repeat("x", n)
			}
			return replicas, err
		}
		got := traffic.Freshness{}.Measure(t.Context(), from, to).Result()
		require.Equal(t, probe.Unknown, got.Status, "%+v", got)
		require.Contains(t, got.Hint, "rollout")
	})
}

// TestFreshnessInVerify: below the Workload, which is not tried where it fails.
func TestFreshnessInVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, east, west, link := town(t, true)
		p.Workload = traffic.All(nil, traffic.Freshness{}, (*traffic.Workload)(nil), p.Workload)
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, result(t, report, traffic.FreshnessCheck).Status)
		require.Equal(t, "west from east", result(t, report, traffic.FreshnessCheck).Target)
		require.Equal(t, probe.Passed, result(t, report, "teapot").Status)

		east.Istiods.GoStale("istiod-1")
		report, err = p.Verify(t.Context(), link)
		var level *traffic.LevelError
		require.ErrorAs(t, err, &level)
		require.Equal(t, traffic.FreshnessCheck, level.Check)
		require.Equal(t, traffic.FreshnessCheck, report.Links[0].Results[len(report.Links[0].Results)-1].Check)
		require.Equal(t, peering.StageSync, report.Links[0].Error.Stage)
		require.Equal(t, probe.Passed, result(t, report, "istiod-synced").Status)
		require.Empty(t, canaries(t, west))
	})
}

func TestAllValidates(t *testing.T) {
	require.NoError(t, traffic.All(nil, traffic.Freshness{}, (*traffic.Workload)(nil)).Validate())
	err := traffic.All(traffic.Freshness{Namespace: "No"}, &traffic.Workload{Port: -1}).Validate()
	require.ErrorContains(t, err, "Freshness.Namespace")
	require.ErrorContains(t, err, "Workload.Port")
	require.ErrorContains(t, traffic.Freshness{Within: -1}.Validate(), "Freshness.Within")
	require.ErrorContains(t, traffic.Freshness{Slow: -1}.Validate(), "Freshness.Slow")
	require.ErrorContains(t, traffic.Freshness{Keep: -1}.Validate(), "Freshness.Keep")
	require.Nil(t, traffic.All())
	require.Nil(t, traffic.All(nil, (*traffic.Workload)(nil)))
}
