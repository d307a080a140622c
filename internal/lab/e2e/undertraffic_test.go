//go:build linux

package e2e_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// inhabited is a lab with pods, not peered.
func inhabited(t *testing.T, clusters ...lab.ClusterOptions) *world {
	t.Helper()
	lab.RequireDataPlane(t)
	return own(t, lab.Options{DataPlane: &lab.DataPlane{}, Clusters: clusters})
}

// TestUnderTraffic changes the credential of a link while a client asks over it without a pause. The client's cluster has
// no httpbin, so that every request crosses, and two istiods.
func TestUnderTraffic(t *testing.T) {
	w := inhabited(t, lab.ClusterOptions{ID: "cluster-1"}, lab.ClusterOptions{ID: "cluster-2", Istiods: 4})
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	all := w.Clusters[1].Istiods
	for _, later := range all[2:] {
		require.NoError(t, later.Remove(t.Context()))
	}
	require.Len(t, w.istiods(link.From.ID), 2)
	require.NoError(t, w.Clusters[1].Scale(t.Context(), "default", "httpbin", 0))
	require.NoError(t, w.Clusters[1].WaitPods(t.Context(), "default", "app=httpbin", 0))
	made := labtest.ShareByHand(t, w.Clusters[0], link.From)
	answer := probe.Retry(traffic.Workload{}.Who(link.Sides()), probe.Poll{Timeout: patience}).Probe(t.Context())
	require.Equal(t, probe.Passed, answer.Status, "%s: %s", answer.Summary, answer.Hint)
	p := &peering.Peering{Flavour: preflight.Upstream, Adopt: peering.AdoptRevoke}

	t.Run("adopt", func(t *testing.T) {
		old := credential(t, w, made.GetName())
		c := labtest.Call(t, w.Clusters[1], "sleep")
		c.During(t, "Ensure", func() (*peering.Report, error) { return p.Ensure(t.Context(), link) })
		refused(t, link, old)
		c.End(t)
		grants, err := peering.Credentials(t.Context(), w.clusters...)
		require.NoError(t, err)
		require.Len(t, grants, 1, "istioctl's token is revoked")
		require.Equal(t, "cluster-2 -> cluster-1", grants[0].Link)
	})

	t.Run("rotate", func(t *testing.T) {
		const rotations, requests = 3, 2000
		var old []secrets.Remote
		c := labtest.Call(t, w.Clusters[1], "sleep")
		for range rotations {
			old = append(old, credential(t, w, made.GetName()))
			c.During(t, "Rotate", func() (*peering.Report, error) { return p.Rotate(t.Context(), link) })
		}
		refused(t, link, old...)
		c.Reach(t, requests)
		require.GreaterOrEqual(t, c.End(t), requests)
		require.NoError(t, present(t.Context(), link, credential(t, w, made.GetName())))
	})

	// While the new credential spreads, one replica is replaced and one more is added.
	t.Run("rotate while replicas change", func(t *testing.T) {
		const requests = 2000
		old := credential(t, w, made.GetName())
		changed := make(chan error, 1)
		changing := *p
		var once sync.Once
		changing.Observe = func(e peering.Event) {
			if e.Stage == peering.StageShare && e.Action == peering.Updated {
				once.Do(func() { go func() { changed <- roll(t.Context(), all[:1], all[2:]) }() })
			}
		}
		c := labtest.Call(t, w.Clusters[1], "sleep")
		c.During(t, "Rotate", func() (*peering.Report, error) { return changing.Rotate(t.Context(), link) })
		require.NoError(t, <-changed)
		refused(t, link, old)
		c.Reach(t, requests)
		require.GreaterOrEqual(t, c.End(t), requests)
		require.Len(t, w.istiods(link.From.ID), 3)
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status(), "%+v", report.Links[0])
	})
	answered, err := traffic.Workload{}.Who(link.Sides()).Ask(t.Context())
	require.NoError(t, err)
	require.Equal(t, link.To.ID.String(), answered.Cluster)
}

// roll starts replicas, and then ends those that they replace.
func roll(ctx context.Context, old, new []*lab.Istiod) error {
	for _, replica := range new {
		if err := replica.Start(ctx); err != nil {
			return err
		}
	}
	for _, replica := range old {
		if err := replica.Remove(ctx); err != nil {
			return err
		}
	}
	return nil
}

// credential is what istiod of the second cluster reads the first with.
func credential(t *testing.T, w *world, secret string) secrets.Remote {
	t.Helper()
	remotes, err := secrets.Parse(get(t, w, secret))
	require.NoError(t, err)
	require.Len(t, remotes, 1)
	return remotes[0]
}

// refused waits until the API server of To does not know the bearers any more. It remembers a token for 10 s at most
// (Kubernetes pkg/kubeapiserver/options/authentication.go).
func refused(t *testing.T, link peering.Link, old ...secrets.Remote) {
	t.Helper()
	for _, r := range old {
		require.Eventually(t, func() bool { return apierrors.IsUnauthorized(present(t.Context(), link, r)) }, patience, tick, "the old token still counts")
	}
}

// present shows a credential to the API server of To.
func present(ctx context.Context, link peering.Link, r secrets.Remote) error {
	as, err := link.To.As(r.Endpoint, r.Token)
	if err == nil {
		_, err = as.List(ctx, &corev1.Pod{}, "")
	}
	return err
}
