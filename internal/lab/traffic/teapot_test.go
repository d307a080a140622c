//go:build linux

package traffic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// The scenario of ASM's page: what is left of httpbin answers, over mutual TLS, through the gateway.
func TestTeapotCrosses(t *testing.T) {
	l := sharedLab(t)
	for _, c := range l.Clusters {
		answersFrom(t, c, "cluster-1", "cluster-2")
	}
	for i, c := range l.Clusters {
		t.Run("from "+c.ID, func(t *testing.T) {
			scale(t, c, 0)
			defer scale(t, c, 1)
			answersFrom(t, c, l.Clusters[1-i].ID)
			out, code := curl(t, c, "-i", "http://httpbin:8000/status/418")
			require.Zero(t, code)
			require.Contains(t, out, "HTTP/1.1 418")
			require.Contains(t, out, "x-more-info: http://tools.ietf.org/html/rfc2324")
			require.Contains(t, out, "I'm a teapot!")
			requireMutualTLS(t, c)

			gateway := "outbound|8000||httpbin.default.svc.cluster.local::10.0."
			require.Contains(t, clusters(t, c), gateway, "Envoy's endpoint is the other gateway's load balancer")
		})
	}
	for _, c := range l.Clusters {
		answersFrom(t, c, "cluster-1", "cluster-2")
	}
}

// requireMutualTLS reads X-Forwarded-Client-Cert as httpbin's sidecar wrote it: one element, sleep to httpbin, whatever
// lies between.
func requireMutualTLS(t *testing.T, c *lab.Cluster) {
	t.Helper()
	out, code := curl(t, c, "http://httpbin:8000/headers")
	require.Zero(t, code)
	require.Equal(t, 1, strings.Count(out, "By=spiffe://"), out)
	require.Contains(t, out, "By=spiffe://cluster.local/ns/default/sa/httpbin;")
	require.Contains(t, out, ";URI=spiffe://cluster.local/ns/default/sa/sleep")
	require.NotContains(t, out, "sa/istio-eastwestgateway")
}

// clusters is what the sidecar of sleep knows, asked with pilot-agent in its container.
func clusters(t *testing.T, c *lab.Cluster) string {
	t.Helper()
	pod, err := c.PodName(t.Context(), "default", "app=sleep")
	require.NoError(t, err)
	out, complaint, code, err := c.Exec(t.Context(), "default", pod, "istio-proxy", "pilot-agent", "request", "GET", "clusters")
	require.NoError(t, err)
	require.Zero(t, code, string(complaint))
	return string(out)
}
