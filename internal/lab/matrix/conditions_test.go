//go:build linux

package matrix_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
)

// TestCredentialsControllerOff sets the variable under which some versions panic as soon as there is a remote secret.
func TestCredentialsControllerOff(t *testing.T) {
	for _, v := range versions {
		see(t, titleConditions, v.Name, "`credentials-controller-off`", func(t *testing.T) string {
			w := start(t, lab.Options{Clusters: []lab.ClusterOptions{
				{ID: "read", Istio: v.Name},
				{ID: "reader", Istio: v.Name, IstiodEnv: map[string]string{"PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER": "false"}},
			}})
			labtest.ShareByHand(t, w.Clusters[0], w.clusters[1])
			replica := w.Clusters[1].Istiods[0]
			panics := has(v, "credentials-controller-off")
			require.Eventually(t, func() bool {
				status, _, err := labtest.Look(t.Context(), replica, "read")
				return panics && err != nil || !panics && status == istiod.Synced
			}, labtest.Patience, 200*time.Millisecond)
			if panics {
				return "istiod ends"
			}
			return "no such variable: synced"
		})
	}
}

func has(v lab.Release, hazard string) bool {
	return slices.ContainsFunc(preflight.Hazards(v.Tag), func(h preflight.Hazard) bool { return h.ID == hazard })
}
