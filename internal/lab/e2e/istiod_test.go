//go:build linux

package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestWhatIstiodMakesOfSecrets records how the secret controller of a real istiod reacts: package peering relies on it.
func TestWhatIstiodMakesOfSecrets(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "read"}, lab.ClusterOptions{ID: "reader", RemoteClusterTimeout: 5 * time.Second})
	replica := w.Clusters[1].Istiods[0]
	becomes := func(id string, want istiod.Status) {
		t.Helper()
		require.Eventually(t, func() bool {
			status, _, err := labtest.Look(t.Context(), replica, id)
			return err == nil && status == want
		}, 20*time.Second, 50*time.Millisecond, "%s does not become %s", id, want)
	}
	settle := func() { // istiod works on Secrets one after the other: it has seen a later one come and go
		t.Helper()
		marker := remoteSecret(t, w, "marker", "marker")
		create(t, w, marker)
		becomes("marker", istiod.Synced)
		require.NoError(t, w.clusters[1].Objects.Delete(t.Context(), get(t, w, marker.Name)))
		becomes("marker", istiod.NotSeen)
	}
	stays := func(id string, want istiod.Status) {
		t.Helper()
		settle()
		status, _, err := labtest.Look(t.Context(), replica, id)
		require.NoError(t, err)
		require.Equal(t, want, status, id)
	}
	grant(t, w, "reader-account")

	create(t, w, remoteSecret(t, w, "first", "a"))
	becomes("a", istiod.Synced)

	t.Run("a second Secret for a cluster is ignored, and not promoted when the first goes", func(t *testing.T) {
		create(t, w, remoteSecret(t, w, "second", "a"))
		require.NoError(t, w.clusters[1].Objects.Delete(t.Context(), get(t, w, "first")))
		becomes("a", istiod.NotSeen)
		stays("a", istiod.NotSeen)
		second := get(t, w, "second")
		second.Data["a"] = append(second.Data["a"], '#', '\n')
		update(t, w, second)
		becomes("a", istiod.Synced) // any byte makes it look again
	})
	t.Run("a refused update cannot be seen from outside: the old credential stays synced", func(t *testing.T) {
		second := get(t, w, "second")
		second.Data["a"] = []byte("no kubeconfig")
		update(t, w, second)
		stays("a", istiod.Synced)
	})
	t.Run("a cluster named as istiod's own is ignored", func(t *testing.T) {
		create(t, w, remoteSecret(t, w, "own", "reader"))
		settle()
		clusters, err := replica.Clusterz(t.Context())
		require.NoError(t, err)
		for _, c := range clusters {
			if c.ID == "reader" {
				require.Empty(t, c.SecretName)
			}
		}
	})
	t.Run("a refused Secret is never listed", func(t *testing.T) {
		bad := remoteSecret(t, w, "bad", "refused")
		bad.Data["refused"] = []byte("apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user:\n    exec: {command: /bin/true, apiVersion: client.authentication.k8s.io/v1}\n")
		require.NotEmpty(t, secrets.Lint(bad), "and Lint says so before")
		create(t, w, bad)
		stays("refused", istiod.NotSeen)
	})
}

// TestSecretsOfIstioctl: what istioctl makes, Parse reads, and Verify says whose it is.
func TestSecretsOfIstioctl(t *testing.T) {
	w := sharedWorld(t)
	out, err := w.Clusters[0].Istioctl(t.Context(), "create-remote-secret", "--name", "cluster-1", "--server", w.Clusters[0].Server)
	require.NoError(t, err)
	secret := labtest.Decode(t, out)
	remotes, err := secrets.Parse(secret)
	require.NoError(t, err)
	require.Len(t, remotes, 1)
	require.Equal(t, "cluster-1", remotes[0].Cluster)
	require.Equal(t, w.Clusters[0].Server, remotes[0].Endpoint.Server)
	require.Empty(t, remotes[0].Credential)
	require.Equal(t, secrets.SecretName("cluster-1"), secret.Name)

	_, err = w.clusters[1].Objects.Create(t.Context(), secret)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.clusters[1].Objects.Delete(context.Background(), secret)) })
	_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: w.clusters[1], To: w.clusters[0]})
	var foreign *peering.ForeignObjectError
	require.ErrorAs(t, err, &foreign)
}
