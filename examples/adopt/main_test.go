package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

const istioctls = "istio-reader-service-account-istio-remote-secret-token"

// byIstioctl makes in `to` what istioctl makes there, and in each of `from` the remote secret with its one token.
func byIstioctl(t *testing.T, to *peeringtest.Member, from ...*peeringtest.Member) {
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream})
	require.NoError(t, err)
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: istioctls,
			Annotations: map[string]string{corev1.ServiceAccountNameKey: reader.ServiceAccount.Name},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}
	for _, o := range []peering.Object{reader.ServiceAccount, reader.ClusterRole, reader.ClusterRoleBinding, token} {
		_, err := to.Create(t.Context(), o)
		require.NoError(t, err)
	}
	filled, err := to.Get(t.Context(), token)
	require.NoError(t, err)
	remote, err := secrets.Build(secrets.Remote{
		Cluster: to.Cluster.ID.String(), Endpoint: to.Endpoint,
		Token: secrets.NewToken(string(filled.(*corev1.Secret).Data["token"]), time.Time{}),
	}, secrets.Options{})
	require.NoError(t, err)
	for _, m := range from {
		_, err = m.Create(t.Context(), remote)
		require.NoError(t, err)
	}
}

// start is a cluster that two others read with istioctl's one token, and the program.
func start(t *testing.T, tr *transcript.Transcript) (mesh *peeringtest.Mesh) {
	mesh = peeringtest.NewMesh("east", "north", "west")
	west := mesh.Member("west")
	west.Cluster.Endpoint.Server = "https://west.example:6443"
	west.ServeAt(west.Cluster.Endpoint.Server)
	byIstioctl(t, west, mesh.Member("east"), mesh.Member("north"))
	tr.Program, tr.Elide = "go run ./examples/adopt", regexp.MustCompile(`^  preflight |^  grants beyond|^    \d . `)
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		exit, err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			return mesh.Member(name).Cluster, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "adopt:", err)
		}
		return exit
	}
	return mesh
}

func lives(t *testing.T, mesh *peeringtest.Mesh) bool {
	_, err := mesh.Member("west").Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: istioctls}})
	return err == nil
}

func TestAdopt(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	all := []string{"-from", "east=kind-east", "-from", "north=kind-north", "-to", "west=kind-west", "-revoke"}
	synctest.Test(t, func(t *testing.T) {
		mesh := start(t, tr)
		exit, _ := tr.Do(all...)
		require.Equal(t, 2, exit)
		require.True(t, lives(t, mesh))
		tr.Block()
		exit, text := tr.Do(append(all, "-yes")...)
		require.Zero(t, exit, text)
		require.False(t, lives(t, mesh), "istioctl's token")
		held, err := peering.Credentials(t.Context(), mesh.Clusters()...)
		require.NoError(t, err)
		require.Len(t, held, 2, "one a reader")
		require.Zero(t, tr.Run(all, io.Discard, io.Discard), "there is nothing to adopt any more")
	})
	tr.Check(t)
}

// Somebody else still reads with istioctl's token.
func TestKeep(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		mesh := start(t, tr)
		says := func(exit int, want string, args ...string) {
			t.Helper()
			var out strings.Builder
			require.Equal(t, exit, tr.Run(args, &out, &out), out.String())
			require.Contains(t, out.String(), want)
		}
		says(1, "-to", "-from", "east=kind-east")
		says(1, "name at least one", "-to", "west=kind-west")
		says(0, "Secret/istio-system/"+istioctls+"  made by unknown  held by none that is named here", "-from", "east=kind-east", "-to", "west=kind-west", "-yes")
		require.True(t, lives(t, mesh))
		mesh.Member("north").Istiods.Stick("istiod-1", istiod.TimedOut)
		says(1, "north -> west", "-from", "north=kind-north", "-to", "west=kind-west", "-revoke", "-yes")
		require.True(t, lives(t, mesh), "an istiod that does not read with the new token may need the old one")
	})
}
