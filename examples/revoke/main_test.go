package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

var members = []string{"-cluster", "east=kind-east", "-cluster", "west=kind-west"}

// start is two peered clusters, and the program.
func start(t *testing.T, tr *transcript.Transcript) (east, west *peeringtest.Member) {
	mesh := peeringtest.NewMesh("east", "west")
	_, err := (&peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
	require.NoError(t, err)
	tr.Program = "go run ./examples/revoke"
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		exit, err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			return mesh.Member(name).Cluster, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "revoke:", err)
		}
		return exit
	}
	return mesh.Member("east"), mesh.Member("west")
}

// held is the token with which from reads to.
func held(t *testing.T, from *peeringtest.Member, to string) secrets.Token {
	t.Helper()
	o, err := from.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-" + to}})
	require.NoError(t, err)
	remotes, err := secrets.Parse(o.(*corev1.Secret))
	require.NoError(t, err)
	return remotes[0].Token
}

// opens says whether m lets in who holds the token.
func opens(t *testing.T, m *peeringtest.Member, token secrets.Token) bool {
	t.Helper()
	bearer, err := m.As(m.Cluster.Endpoint, token)
	require.NoError(t, err)
	_, err = bearer.Create(t.Context(), &authenticationv1.SelfSubjectReview{})
	require.True(t, err == nil || apierrors.IsUnauthorized(err), err)
	return err == nil
}

func TestRevoke(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		east, west := start(t, tr)
		leaked, other := held(t, east, "west"), held(t, west, "east")
		require.NoError(t, os.WriteFile("leaked.txt", []byte(leaked.Reveal()+"\n"), 0o600))
		exit, _ := tr.Do(members...)
		require.Zero(t, exit)
		require.True(t, opens(t, west, leaked))

		tr.Block()
		exit, _ = tr.Do(append(members, "-leaked", "leaked.txt")...)
		require.Zero(t, exit)
		require.False(t, opens(t, west, leaked))
		require.True(t, opens(t, west, held(t, east, "west")), "the link goes on")
		require.True(t, other.Equal(held(t, west, "east")), "the other one is not touched")

		tr.Block()
		exit, _ = tr.Do(append(members, "-leaked", "leaked.txt")...)
		require.Equal(t, 1, exit)
	})
	tr.Check(t)
}

func TestEndAndExitStatus(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		east, west := start(t, tr)
		leaked := held(t, east, "west")
		print := leaked.Ref().Fingerprint
		says := func(exit int, want string, args ...string) {
			t.Helper()
			var out strings.Builder
			require.Equal(t, exit, tr.Run(append(members, args...), &out, &out), out.String())
			require.Regexp(t, want, out.String())
			require.NotContains(t, out.String(), "eyJ")
		}
		east.Istiods.Stick("istiod-1", istiod.TimedOut)
		says(1, "timeout", "-leaked", print)
		require.True(t, opens(t, west, leaked), "an istiod that does not take the new one keeps the old one")
		says(0, "401", "-leaked", print, "-end")
		require.False(t, opens(t, west, leaked))

		_, err := west.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "tool"}})
		require.NoError(t, err)
		_, err = west.Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "by-hand", Annotations: map[string]string{corev1.ServiceAccountNameKey: "tool"}},
			Type:       corev1.SecretTypeServiceAccountToken,
		})
		require.NoError(t, err)
		says(2, "Secret/istio-system/by-hand of west was made by", "-leaked", fingerprintOf(t, tr, "by-hand"))
		east.Partition()
		says(3, "was not found in the others", "-leaked", "00000000")
		says(1, "east", []string{}...)
	})
}

// fingerprintOf finds an object in the program's list.
func fingerprintOf(t *testing.T, tr *transcript.Transcript, object string) string {
	t.Helper()
	var out strings.Builder
	require.Zero(t, tr.Run(members, &out, &out))
	found := regexp.MustCompile(`(?m)^(\w{8}) .*` + object).FindStringSubmatch(out.String())
	require.NotNil(t, found, out.String())
	return found[1]
}
