//go:build linux

package matrix_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestRoles lets one istiod of each version read the same cluster under many names, each with a reader that lacks one resource.
func TestRoles(t *testing.T) {
	for _, v := range versions {
		t.Run(v.Name, func(t *testing.T) {
			w := start(t, lab.Options{Clusters: []lab.ClusterOptions{
				{ID: "read", Istio: v.Name, GatewayAPI: true}, {ID: "reader", Istio: v.Name, RemoteClusterTimeout: 5 * time.Second},
			}})
			read := func(role rbac.Options, dropped string) labtest.Reading {
				role.IstioVersion = v.Tag
				return labtest.ReadWithout(t.Context(), role, dropped, w.clusters[0], w.clusters[1], w.Clusters[1].Istiods[0])
			}
			for _, profile := range []rbac.Profile{rbac.Upstream, rbac.Minimal} {
				see(t, titleRoles, v.Name, "`"+profile.String()+"`", func(t *testing.T) string {
					seen := read(rbac.Options{Profile: profile}, "nothing-of-"+profile.String())
					require.NoError(t, seen.Err)
					require.Equal(t, istiod.Synced, seen.Status)
					require.True(t, seen.Endpoints)
					return string(seen.Status)
				})
			}
			see(t, titleRoles, v.Name, "`minimal` without one of its resources", func(t *testing.T) string {
				rules, err := rbac.Explain(rbac.Options{Profile: rbac.Minimal, IstioVersion: v.Tag})
				require.NoError(t, err)
				var resources, endpoints []string
				for _, r := range rules {
					resources = append(resources, r.Resources...)
					require.Contains(t, r.Evidence, "ran on the lab", "which is here")
				}
				seen := make([]labtest.Reading, len(resources))
				var wg sync.WaitGroup
				for i, resource := range resources {
					wg.Go(func() { seen[i] = read(rbac.Options{Profile: rbac.Minimal}, resource) })
				}
				wg.Wait()
				for i, resource := range resources {
					t.Logf("%-28s %-10s %v", resource, seen[i].Status, seen[i].Endpoints)
					require.NoError(t, seen[i].Err, resource)
					require.Equal(t, istiod.TimedOut, seen[i].Status, resource)
					if seen[i].Endpoints {
						endpoints = append(endpoints, resource)
					}
				}
				slices.Sort(endpoints)
				return "never synced, whichever is missing: " + list(resources) + "; endpoints all the same without " + list(endpoints)
			})
		})
	}
}

func list(names []string) string { return strings.Join(names, ", ") }
