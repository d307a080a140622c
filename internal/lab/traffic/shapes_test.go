//go:build linux

package traffic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// The shape of ASM's page: the hosted control plane of cluster-1 already reads cluster-2, so step 1 works before any
// peering, and step 2 does not. The mesh is STRICT here.
func TestHosted(t *testing.T) {
	l := start(t, lab.DataPlane{Strict: true}, lab.ClusterOptions{ID: "cluster-1", Hosted: true}, lab.ClusterOptions{ID: "cluster-2"})
	first, second := l.Clusters[0], l.Clusters[1]
	answersFrom(t, first, "cluster-1", "cluster-2")
	answersFrom(t, second, "cluster-2")

	scale(t, first, 0)
	answersFrom(t, first, "cluster-2")
	requireMutualTLS(t, first)
	scale(t, first, 1)

	scale(t, second, 0)
	eventually(t, "cluster-2 has no httpbin", func() (string, bool) {
		out, code := curl(t, second, "-i", "http://httpbin:8000/status/418")
		require.Zero(t, code, out)
		return out, strings.HasPrefix(out, "HTTP/1.1 503")
	})
	scale(t, second, 1)

	withPlain(t, first)
	out, code := curlIn(t, first, "app=plain", "http://httpbin:8000/headers")
	require.Equal(t, 56, code, "STRICT resets plain text: %s", out)
}

// One network: no gateways, Pods reach each other directly.
func TestFlat(t *testing.T) {
	l := start(t, lab.DataPlane{Flat: true})
	require.NoError(t, peer(t.Context(), l))
	for i, c := range l.Clusters {
		other := l.Clusters[1-i]
		require.Equal(t, "network-1", c.Network)
		answersFrom(t, c, "cluster-1", "cluster-2")
		ip := podOf(t, other, "default", "app=httpbin").Status.PodIP
		require.Contains(t, clusters(t, c), "outbound|8000||httpbin.default.svc.cluster.local::"+ip+":8080::")
		_, err := c.PodName(t.Context(), "istio-system", "istio=eastwestgateway")
		require.ErrorContains(t, err, "no Ready Pod")
	}
}

// Faults that probes have to tell apart: a cluster whose gateway is missing, and one with a root of its own.
func TestFaults(t *testing.T) {
	l := start(t, lab.DataPlane{}, // hosted: each reads the other without more ado
		lab.ClusterOptions{ID: "cluster-1", Hosted: true, NoGateway: true},
		lab.ClusterOptions{ID: "cluster-2", Hosted: true, OwnRoot: true})
	for i, c := range l.Clusters {
		scale(t, c, 0)
		pod := podOf(t, l.Clusters[1-i], "default", "app=httpbin").Status.PodIP
		// cluster-1 goes through the gateway of cluster-2 and does not trust who answers; cluster-2 knows no gateway of
		// cluster-1 but its Pods' addresses, which lead nowhere.
		way := []string{"httpbin.default.svc.cluster.local::10.0.", "httpbin.default.svc.cluster.local::" + pod + ":8080"}[i]
		eventually(t, c.ID+" cannot reach the other", func() (string, bool) {
			out, code := curl(t, c, "-i", "http://httpbin:8000/status/418")
			failed := code == 28 || strings.HasPrefix(out, "HTTP/1.1 503")
			return out, failed && strings.Contains(clusters(t, c), way)
		})
		scale(t, c, 1)
	}
}
