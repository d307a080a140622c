package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// newMesh has the shape of inventory.yaml.
func newMesh() (*peeringtest.Mesh, func(member) (*peering.Cluster, error)) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"cluster-1", "cluster-2"}, Hosted: []string{"cluster-1"}, Hidden: true})
	return mesh, func(m member) (*peering.Cluster, error) {
		found := mesh.Member(m.ID.String())
		if m.Endpoint != nil {
			m.Endpoint.CA = found.Cluster.Endpoint.CA // nothing here could be dialled for it
			found.ServeAt(m.Endpoint.Server)
			found.Cluster.Endpoint = *m.Endpoint
		}
		return found.Cluster, nil
	}
}

// logger writes times that are the same in every time zone.
func logger(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}))
}

// atHome copies the inventory that people are shown to where the program looks for one.
func atHome(t *testing.T) *transcript.Transcript {
	inventory, err := os.ReadFile("inventory.yaml")
	require.NoError(t, err)
	tr := new(transcript.Transcript)
	tr.Start(t)
	require.NoError(t, os.WriteFile("inventory.yaml", inventory, 0o600))
	return tr
}

func remoteSecret(t *testing.T, mesh *peeringtest.Mesh) secrets.Remote {
	t.Helper()
	o, err := mesh.Member("cluster-2").Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-cluster-1"}})
	require.NoError(t, err)
	remotes, err := secrets.Parse(o.(*corev1.Secret))
	require.NoError(t, err)
	return remotes[0]
}

func TestRenewsUntilStopped(t *testing.T) {
	tr := atHome(t)
	synctest.Test(t, func(t *testing.T) {
		mesh, connect := newMesh()
		ctx, stop := context.WithCancel(t.Context())
		var log bytes.Buffer
		exit := make(chan int)
		go func() { exit <- run(ctx, []string{"-inventory", "inventory.yaml"}, logger(&log), connect) }()
		time.Sleep(20 * time.Minute)
		first := remoteSecret(t, mesh)
		require.Equal(t, "https://public.cluster-1.example:6443", first.Endpoint.Server)
		require.Equal(t, time.Hour, time.Until(first.Token.Expires())+20*time.Minute)

		time.Sleep(30 * time.Minute)
		second := remoteSecret(t, mesh)
		require.False(t, first.Token.Equal(second.Token), "renewed at 48 minutes")
		require.Len(t, credentials(t, mesh), 1, "and the first one revoked")
		stop()
		require.Zero(t, <-exit)
		tr.Show("go run ./examples/fleet -inventory examples/fleet/inventory.yaml", log.String())

		time.Sleep(2 * time.Hour) // expired: somebody forgot to start it again
		log.Reset()
		require.Equal(t, 3, run(t.Context(), []string{"-once"}, logger(&log), connect), "what the hosted control plane reads cannot be seen")
		require.False(t, second.Token.Equal(remoteSecret(t, mesh).Token))
		require.NotContains(t, log.String(), "eyJ")
	})
	tr.Check(t)
}

func credentials(t *testing.T, mesh *peeringtest.Mesh) []peering.Credential {
	t.Helper()
	all, err := peering.Credentials(t.Context(), mesh.Clusters()...)
	require.NoError(t, err)
	return all
}

// A cluster that is down for a while is tried again each minute.
func TestGoesOnAfterAnOutage(t *testing.T) {
	atHome(t)
	synctest.Test(t, func(t *testing.T) {
		mesh, connect := newMesh()
		mesh.Member("cluster-1").Partition()
		ctx, stop := context.WithCancel(t.Context())
		var log bytes.Buffer
		exit := make(chan int)
		go func() { exit <- run(ctx, nil, logger(&log), connect) }()
		time.Sleep(5 * time.Minute)
		mesh.Member("cluster-1").Heal()
		time.Sleep(2 * time.Minute)
		remoteSecret(t, mesh)
		stop()
		require.Zero(t, <-exit)
		require.Contains(t, log.String(), "not all is well")
	})
}

func TestBadInventory(t *testing.T) {
	for want, text := range map[string]string{
		"unknown field":   "cluster: []",
		"no links":        "clusters: [{id: cluster-1, context: a}]",
		"config get-cont": "clusters: [{id: cluster-1, context: none}, {id: cluster-2, context: none}]",
	} {
		t.Run(want, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("KUBECONFIG", "none")
			require.NoError(t, os.WriteFile("inventory.yaml", []byte(text), 0o600))
			var log bytes.Buffer
			require.Equal(t, 1, run(t.Context(), []string{"-once"}, logger(&log), connect))
			require.Contains(t, log.String(), want)
		})
	}
}
