//go:build linux

package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// TestAdoptWhatIstioctlMade takes a link over in place and revokes istioctl's token.
func TestAdoptWhatIstioctlMade(t *testing.T) {
	w := sharedWorld(t)
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	made := labtest.ShareByHand(t, w.Clusters[0], link.From)
	removeAfter(t, link)
	require.Eventually(t, func() bool {
		status, _, err := labtest.Look(t.Context(), w.Clusters[1].Istiods[0], "cluster-1")
		return err == nil && status == istiod.Synced
	}, patience, tick)

	grants, err := peering.Credentials(t.Context(), w.clusters...)
	require.NoError(t, err)
	require.Len(t, grants, 1)
	require.Equal(t, "istio-reader-service-account", grants[0].ServiceAccount)
	require.Equal(t, []string{"cluster-2/istio-system/istio-remote-secret-cluster-1"}, grants[0].Holders)

	report, err := (&peering.Peering{Adopt: peering.AdoptRevoke}).Ensure(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status(), "%+v", report.Links[0])
	adopted, err := link.From.Objects.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: made.GetName()}})
	require.NoError(t, err)
	require.Equal(t, made.GetUID(), adopted.GetUID())
	grants, err = peering.Credentials(t.Context(), w.clusters...)
	require.NoError(t, err)
	require.Len(t, grants, 1, "istioctl's token is revoked")
	require.Equal(t, "cluster-2 -> cluster-1", grants[0].Link)
}
