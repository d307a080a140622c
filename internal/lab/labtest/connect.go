//go:build linux

package labtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// What is awaited is there much sooner; these bound a failure.
const (
	Patience = 30 * time.Second
	Tick     = 50 * time.Millisecond
)

// Connect returns the lab's clusters as the SDK sees them.
func Connect(t testing.TB, l *lab.Lab) []*peering.Cluster {
	t.Helper()
	var all []*peering.Cluster
	for _, c := range l.Clusters {
		id, err := peering.ParseID(c.ID)
		require.NoError(t, err)
		cluster, err := peering.Connect(id, c.Config, peering.ConnectOptions{AllowLoopback: l.Loopback})
		require.NoError(t, err)
		all = append(all, cluster)
	}
	return all
}

// Decode reads a Secret that was written for kubectl apply: stringData is merged by the API server only.
func Decode(t testing.TB, manifest []byte) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	require.NoError(t, yaml.Unmarshal(manifest, secret))
	secret.Data = map[string][]byte{}
	for k, v := range secret.StringData {
		secret.Data[k] = []byte(v)
	}
	secret.StringData = nil
	return secret
}

// ShareByHand makes the remote secret of a cluster with its own istioctl and puts it where from's istiods look for it.
func ShareByHand(t testing.TB, of *lab.Cluster, from *peering.Cluster) *corev1.Secret {
	t.Helper()
	out, err := of.Istioctl(t.Context(), "create-remote-secret", "--name", of.ID, "--server", of.Server)
	require.NoError(t, err)
	made, err := from.Objects.Create(t.Context(), Decode(t, out))
	require.NoError(t, err)
	return made.(*corev1.Secret)
}
