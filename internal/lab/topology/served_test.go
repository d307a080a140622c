//go:build linux

package topology_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestServedCluster peers a cluster that has no istiod with the one whose istiod serves it (Istio's "primary-remote"): as
// To, with the role for it, and as From, which is verified only.
func TestServedCluster(t *testing.T) {
	w := inTown(t)
	link := w.link(north, leaf)
	t.Run("refused with a role that is not enough", func(t *testing.T) {
		_, err := (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), link)
		require.Equal(t, []string{"served-cluster"}, blocking(t, err))
		require.ErrorContains(t, err, "use profile remote-control-plane")
	})
	mark := w.Cluster(leaf).Audit()
	p := &peering.Peering{Flavour: preflight.Upstream, Reader: rbac.Options{Profile: rbac.RemoteControlPlane}}
	report, err := p.Ensure(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status(), "before anything runs there")

	filling, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	require.NoError(t, w.Cluster(leaf).Settle(filling))
	require.NoError(t, inhabit(filling, w.Lab, leaf))
	require.NoError(t, awaitInhabitants(filling, w.Lab, leaf))
	answered(t, link, leaf)

	t.Run("rights that istiod uses there", func(t *testing.T) {
		events, err := w.Cluster(leaf).AuditSince(mark)
		require.NoError(t, err)
		used := writesOf(events)
		t.Log(used)
		require.Subset(t, used, []string{
			"create configmaps", "update configmaps", "update mutatingwebhookconfigurations", "create tokenreviews",
		})
		require.NotContains(t, used, "patch mutatingwebhookconfigurations")
		for _, e := range events {
			require.False(t, e.User == readerOfNorth && e.Resource == "validatingwebhookconfigurations", "%s %s: not even read", e.Verb, e.Resource)
		}
	})
	t.Run("each is needed", func(t *testing.T) { eachIsNeeded(t, w) })

	t.Run("as From", func(t *testing.T) {
		_, err := (&peering.Peering{}).Ensure(t.Context(), w.link(leaf, south))
		require.Equal(t, []string{"istiod-present"}, blocking(t, err))
		require.ErrorContains(t, err, "its proxies are served by that of north")

		hosted, err := peering.Connect(peering.MustID(leaf), w.Cluster(leaf).Config, peering.ConnectOptions{Hosted: true})
		require.NoError(t, err)
		unseen := peering.Link{From: hosted, To: w.clusters[north]}
		report, err := new(peering.Peering).Verify(t.Context(), unseen)
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Status(), "nobody told where its istiod is")

		hosted.Istiods = w.clusters[north].Istiods
		answered(t, unseen, north)
		_, err = new(peering.Peering).Verify(t.Context(), peering.Link{From: hosted, To: w.clusters[lone]})
		if err != nil { // unless another test has peered north with it
			require.ErrorContains(t, err, "peer the cluster that istiod belongs to with lone")
		}
	})
	t.Run("read by a third cluster", func(t *testing.T) {
		link := w.link(west, leaf)
		report, err := (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), link)
		require.NoError(t, err, "with the role for reading")
		require.Equal(t, probe.Passed, report.Status())
	})
}

const readerOfNorth = "system:serviceaccount:istio-system:meshpeer-reader-north"

// writesOf are the verbs and resources of the reader's requests that change or decide something, each once.
func writesOf(events []lab.AuditEvent) (all []string) {
	for _, e := range events {
		if e.User == readerOfNorth && slices.Contains([]string{"create", "update", "patch", "delete"}, e.Verb) && e.Code < 300 {
			all = append(all, e.Verb+" "+e.Resource)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
