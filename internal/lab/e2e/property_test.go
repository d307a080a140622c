//go:build linux

package e2e_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestRemoveUndoesEnsure: no object is new, and each one that was there before is byte for byte what it was: content, UID,
// labels, annotations and field managers.
func TestRemoveUndoesEnsure(t *testing.T) {
	w := sharedWorld(t)
	links := peering.Mesh(w.clusters...)
	before := snapshot(t, w)
	p := new(peering.Peering)
	_, err := p.Ensure(t.Context(), links...)
	require.NoError(t, err)
	plan, err := p.Plan(t.Context(), peering.Present, links...)
	require.NoError(t, err)
	require.True(t, plan.Empty())
	_, err = p.Rotate(t.Context(), links...)
	require.NoError(t, err)
	_, err = p.Remove(t.Context(), links...)
	require.NoError(t, err)
	after := snapshot(t, w)
	for name, content := range before {
		require.Equal(t, content, after[name], name)
	}
	for name := range after {
		require.Contains(t, before, name, "new object")
	}
	t.Logf("%d objects as they were", len(before))
}

// snapshot is every object of the kinds that peering touches or might, in all namespaces. Kubernetes' own controllers write
// to none of them here.
func snapshot(t *testing.T, w *world) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, c := range w.Clusters {
		client, err := dynamic.NewForConfig(c.Config)
		require.NoError(t, err)
		for _, r := range []schema.GroupVersionResource{
			{Version: "v1", Resource: "secrets"},
			{Version: "v1", Resource: "serviceaccounts"},
			{Version: "v1", Resource: "configmaps"},
			{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
			{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
			{Group: "apps", Version: "v1", Resource: "deployments"},
		} {
			list, err := client.Resource(r).List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			for _, o := range list.Items {
				if o.GetAnnotations()["control-plane.alpha.kubernetes.io/leader"] != "" {
					continue // istiod's leader election writes these for ever
				}
				data, err := json.Marshal(o.Object)
				require.NoError(t, err)
				all[c.ID+" "+r.Resource+" "+o.GetNamespace()+"/"+o.GetName()] = string(data)
			}
		}
	}
	return all
}

// TestTwoProgramsAtOnce: both succeed, and there is one credential per link.
func TestTwoProgramsAtOnce(t *testing.T) {
	w := sharedWorld(t)
	links := peering.Mesh(w.clusters...)
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		t.Run(string(kind), func(t *testing.T) {
			t.Cleanup(func() { sweep(t, w.clusters...) })
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { _, errs[i] = (&peering.Peering{Credential: kind}).Ensure(t.Context(), links...) })
			}
			wg.Wait()
			require.NoError(t, errors.Join(errs...))
			for _, l := range links {
				require.Equal(t, 1, tokens(t, l), l)
			}
		})
	}
}

// TestFourClusters: twelve links in one call; a member that is down costs its own six; one call repairs.
func TestFourClusters(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "a"}, lab.ClusterOptions{ID: "b"}, lab.ClusterOptions{ID: "c"}, lab.ClusterOptions{ID: "d"})
	links := peering.Mesh(w.clusters...)
	p := new(peering.Peering)
	report, err := p.Ensure(t.Context(), links...)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status())
	t.Logf("12 links in %s", report.Took.Round(time.Millisecond))

	w.Clusters[3].StopAPIServer()
	report, err = p.Ensure(t.Context(), links...)
	require.Error(t, err)
	failed := 0
	for _, l := range report.Links {
		if l.Error == nil {
			require.Equal(t, probe.Passed, l.Status)
			continue
		}
		failed++
		require.Equal(t, "d", l.Error.On.String())
		require.Equal(t, peering.StageConnect, l.Error.Stage)
	}
	require.Equal(t, 6, failed)
	require.NoError(t, w.Clusters[3].StartAPIServer(t.Context()))
	report, err = p.Ensure(t.Context(), links...)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status())

	t.Run("a member leaves", func(t *testing.T) {
		_, err := p.Remove(t.Context(), peering.Star(w.clusters[3], w.clusters[:3]...)...)
		require.NoError(t, err)
		for _, c := range w.clusters[:3] {
			require.Len(t, left(t, c), 2*4+2, "two readers with a token each, two remote secrets")
		}
		require.Empty(t, left(t, w.clusters[3]))
	})
}
