package peeringtest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
)

func TestOptions(t *testing.T) {
	mesh := peeringtest.New(peeringtest.Options{Size: 3, Istiods: 2, Workloads: true})
	require.Len(t, mesh.Clusters(), 3)
	for i, m := range mesh.Members() {
		require.Equal(t, fmt.Sprintf("cluster-%d", i+1), m.ID.String())
		require.Equal(t, []string{"istiod-1", "istiod-2"}, m.Istiods.Names())
		pods, err := m.List(t.Context(), &corev1.Pod{}, "app in (httpbin,sleep)")
		require.NoError(t, err)
		require.Len(t, pods, 2)
	}
	bare := peeringtest.New(peeringtest.Options{Names: []string{"a"}, Istiods: -1}).Member("a")
	require.Empty(t, bare.Istiods.Names())
	for _, mistake := range []peeringtest.Options{
		{Names: []string{"a", "a"}}, {Names: []string{"a b"}}, {Names: []string{"a"}, Hosted: []string{"b"}},
	} {
		require.Panics(t, func() { peeringtest.New(mistake) })
	}
}

// TestClock: a test without testing/synctest lets tokens end by a clock of its own.
func TestClock(t *testing.T) {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	m := peeringtest.New(peeringtest.Options{Size: 1, Now: func() time.Time { return now }}).Members()[0]
	stored, err := m.Create(t.Context(), configMap("a"))
	require.NoError(t, err)
	require.Equal(t, now, stored.GetCreationTimestamp().UTC())
}

// TestAddressesOfAThousandMembers: no two pods share one.
func TestAddressesOfManyMembers(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range peeringtest.New(peeringtest.Options{Size: 600, Workloads: true, Istiods: -1}).Members() {
		pods, err := m.List(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}}, "")
		require.NoError(t, err)
		for _, p := range pods {
			ip := p.(*corev1.Pod).Status.PodIP
			require.False(t, seen[ip], ip)
			seen[ip] = true
		}
	}
	require.Len(t, seen, 1200)
}

// TestHosted peers with a member whose control plane runs elsewhere, in both variants and both roles in the star.
func TestHosted(t *testing.T) {
	for name, c := range map[string]struct {
		hidden bool
		hub    string
		want   probe.Status
	}{
		"member, asked":  {false, "own", probe.Passed},
		"member, hidden": {true, "own", probe.Unknown},
		"hub, asked":     {false, "managed", probe.Passed},
		"hub, hidden":    {true, "managed", probe.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.New(peeringtest.Options{Names: []string{"managed", "own", "third"}, Hosted: []string{"managed"}, Hidden: c.hidden})
				managed := mesh.Member("managed")
				require.True(t, managed.Hosted)
				require.True(t, managed.Checks.Hosted)
				require.Equal(t, c.hidden, managed.Cluster.Istiods == nil)
				var spokes []*peering.Cluster
				for _, m := range mesh.Members() {
					if m.ID.String() != c.hub {
						spokes = append(spokes, m.Cluster)
					}
				}
				start := time.Now()
				report, err := new(peering.Peering).Ensure(t.Context(), peering.Star(mesh.Member(c.hub).Cluster, spokes...)...)
				require.NoError(t, err)
				require.Equal(t, c.want, report.Status())
				require.Less(t, time.Since(start), 10*time.Second, "nobody waits for what cannot come")
				for _, call := range managed.Calls() {
					require.False(t, call.Write() && call.Name == "istio-remote-secret-own", "its host reads them already")
				}
			})
		})
	}
}

// TestHostedTraffic is the document's first step: the managed cluster reaches the other one before anything is peered, and
// the other one does not reach it.
func TestHostedTraffic(t *testing.T) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"managed", "own"}, Hosted: []string{"managed"}, Workloads: true})
	for client, want := range map[string]int{"managed": 2, "own": 1} {
		m := mesh.Member(client)
		out, err := m.Exec("default", "sleep-"+client+"-1", "istio-proxy").Exec(t.Context(), probe.Command{Args: []string{"pilot-agent", "request", "GET", "clusters"}})
		require.NoError(t, err)
		n := 0
		for _, other := range mesh.Members() {
			pod, err := other.Get(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "httpbin-" + other.ID.String() + "-1"}})
			require.NoError(t, err)
			if strings.Contains(string(out.Stdout()), "outbound|8000||httpbin.default.svc.cluster.local::"+pod.(*corev1.Pod).Status.PodIP+":8000::health_flags") {
				n++
			}
		}
		require.Equal(t, want, n, client)
	}
	replica := mesh.Member("managed").Istiods
	replica.Stick("istiod-1", istiod.NotSeen)
	require.Equal(t, []istiod.Status{istiod.NotSeen}, statusOf(t, mesh.Member("managed"), "own"), "a host may not read it yet")
	replica.Stick("istiod-1", "")
	require.Equal(t, []istiod.Status{istiod.Synced}, statusOf(t, mesh.Member("managed"), "own"))
}
