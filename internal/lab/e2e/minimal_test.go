//go:build linux

package e2e_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestEveryMinimalRuleIsNeeded lets one istiod read the same cluster under many names, each with a reader that lacks one
// resource, and prints what comes of it.
func TestEveryMinimalRuleIsNeeded(t *testing.T) {
	w := start(t,
		lab.ClusterOptions{ID: "read", GatewayAPI: true},
		lab.ClusterOptions{ID: "reader", RemoteClusterTimeout: 10 * time.Second})
	// endpoints: whether istiod gives out endpoints of the cluster all the same.
	cases := []struct {
		dropped   string
		status    istiod.Status
		endpoints bool
	}{
		{"nothing", istiod.Synced, true},
		{"namespaces", istiod.TimedOut, false},
		{"nodes", istiod.TimedOut, false},
		{"pods", istiod.TimedOut, false},
		{"services", istiod.TimedOut, false},
		{"endpointslices", istiod.TimedOut, false},
		{"customresourcedefinitions", istiod.TimedOut, false},
		{"gateways", istiod.TimedOut, false},
		{"secrets", istiod.TimedOut, true},
		{"configmaps", istiod.TimedOut, true}, // in one namespace, one name: the Role
		{"workloadentries", istiod.TimedOut, true},
	}
	var minimal []string
	rules, err := rbac.Explain(rbac.Options{Profile: rbac.Minimal})
	require.NoError(t, err)
	for _, r := range rules {
		minimal = append(minimal, r.Resources...)
		require.Contains(t, r.Evidence, "ran on the lab", "which is here")
	}
	require.Len(t, cases, len(minimal)+1, "one case for each of %v", minimal)

	seen := make([]labtest.Reading, len(cases))
	var wg sync.WaitGroup
	for i, c := range cases {
		wg.Go(func() {
			seen[i] = labtest.ReadWithout(t.Context(), rbac.Options{Profile: rbac.Minimal}, c.dropped, w.clusters[0], w.clusters[1], w.Clusters[1].Istiods[0])
		})
	}
	wg.Wait()
	t.Logf("%-28s %-10s %s", "without list, watch on", "clusterz", "endpoints")
	for i, c := range cases {
		require.NoError(t, seen[i].Err, c.dropped)
		t.Logf("%-28s %-10s %v", c.dropped, seen[i].Status, seen[i].Endpoints)
		require.Equal(t, c.status, seen[i].Status, c.dropped)
		require.Equal(t, c.endpoints, seen[i].Endpoints, c.dropped)
	}
}
