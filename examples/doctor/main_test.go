package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// byIstioctl does what `istioctl create-remote-secret` and `kubectl apply` do for people.
func byIstioctl(t *testing.T, from, to *peeringtest.Member) {
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream})
	require.NoError(t, err)
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-reader-service-account-istio-remote-secret-token",
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
	_, err = from.Create(t.Context(), remote)
	require.NoError(t, err)
}

// patients are two clusters that istioctl peered, and the program with them behind its kubeconfig contexts.
func patients(t *testing.T, tr *transcript.Transcript) (east, west *peeringtest.Member) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
	east, west = mesh.Member("east"), mesh.Member("west")
	for _, m := range mesh.Members() {
		m.Cluster.Endpoint.Server = fmt.Sprintf("https://%s.example:6443", m.Cluster.ID)
		m.ServeAt(m.Cluster.Endpoint.Server)
	}
	byIstioctl(t, east, west)
	byIstioctl(t, west, east)
	tr.Program = "go run ./examples/doctor"
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		exit, err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			return mesh.Member(name).Cluster, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "doctor:", err)
		}
		return exit
	}
	return east, west
}

func TestDoctor(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		east, west := patients(t, tr)
		east.ForgetCalls()
		west.ForgetCalls()
		exit, text := tr.Do("-cluster", "east=kind-east", "-cluster", "west=kind-west", "-traffic")
		require.Zero(t, exit, text)

		require.NoError(t, west.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-reader-service-account-istio-remote-secret-token"}}))
		time.Sleep(time.Minute)
		tr.Block()
		exit, _ = tr.Do("-cluster", "east=kind-east", "-cluster", "west=kind-west", "-html", "mesh.html", "-junit", "mesh.xml")
		require.Equal(t, 2, exit)
		for _, c := range append(east.Calls(), west.Calls()...) {
			require.False(t, c.Write() && c.Name != "istio-reader-service-account-istio-remote-secret-token", c)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		east, west := patients(t, tr)
		tr.Block()
		east.Istiods.GoStale("istiod-1")
		exit, _ := tr.Do("-cluster", "east=kind-east", "-cluster", "west=kind-west", "-freshness")
		require.Equal(t, 2, exit)
		left, err := west.List(t.Context(), &discoveryv1.EndpointSlice{TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}}, "meshpeer.io/canary")
		require.NoError(t, err)
		require.Empty(t, left)
	})
	tr.Check(t)
	page, err := os.ReadFile("mesh.html")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), "<title>Examination: failed</title>"))
	junit, err := os.ReadFile("mesh.xml")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(junit), "<failure"))
	require.False(t, strings.Contains(string(page)+string(junit), "eyJ"))
}

func TestExitStatus(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	both := []string{"-cluster", "east=kind-east", "-cluster", "west=kind-west"}
	synctest.Test(t, func(t *testing.T) {
		east, _ := patients(t, tr)
		says := func(exit int, want string, args ...string) {
			t.Helper()
			var out strings.Builder
			require.Equal(t, exit, tr.Run(args, &out, &out), out.String())
			require.Contains(t, out.String(), want)
		}
		says(0, "west: synced", both...)
		says(0, "every istiod sees a change in west", append(both, "-freshness")...)
		says(0, "an httpbin answered", append(both, "-freshness", "-traffic")...)
		says(1, "name at least one", "-cluster", "east=kind-east")
		says(1, `"neither"`, append(both, "-flavour", "neither")...)
		says(1, "no such file or directory", append(both, "-html", "no/such/folder")...)
		says(2, "istiod-present", append(both, "-flavour", "upstream")...)
		east.Cluster.Istiods = nil
		says(3, "unknown", both...)
	})
}
