package peering_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// byIstioctl makes in `to` what istioctl makes there, and in each of `from` the remote secret with its one token.
func byIstioctl(t *testing.T, to *peeringtest.Member, from ...*peeringtest.Member) secrets.Token {
	t.Helper()
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream})
	require.NoError(t, err)
	must(t, to, reader.ServiceAccount)
	must(t, to, reader.ClusterRole)
	must(t, to, reader.ClusterRoleBinding)
	object := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-reader-service-account-istio-remote-secret-token",
			Annotations: map[string]string{corev1.ServiceAccountNameKey: reader.ServiceAccount.Name},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}
	must(t, to, object)
	filled, err := to.Get(t.Context(), object)
	require.NoError(t, err)
	token := secrets.NewToken(string(filled.(*corev1.Secret).Data["token"]), time.Time{})
	remote, err := secrets.Build(secrets.Remote{Cluster: to.ID.String(), Endpoint: to.Endpoint, Token: token}, secrets.Options{})
	require.NoError(t, err)
	for _, m := range from {
		must(t, m, remote)
	}
	return token
}

func TestAdopt(t *testing.T) {
	for _, adoption := range []peering.Adoption{peering.AdoptKeep, peering.AdoptRevoke} {
		t.Run(string(adoption), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				old := byIstioctl(t, west, east)
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				var foreign *peering.ForeignObjectError
				require.ErrorAs(t, err, &foreign, "not without being asked to")

				before, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
				require.NoError(t, err)
				p := &peering.Peering{Adopt: adoption}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, adoption == peering.AdoptKeep, accepted(t, west, old))
				after, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
				require.NoError(t, err)
				require.Equal(t, before.GetUID(), after.GetUID(), "in place: istiod never loses the cluster")
				require.Equal(t, "meshpeer-reader-east", report.Links[0].Credential.ServiceAccount)

				again, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
				require.False(t, again.Changed(), "it is ours now")
			})
		})
	}
}

// TestSharedTokenIsKept: istioctl gives every cluster the same token; another member still lives by it.
func TestSharedTokenIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("a", "b", "read")
		a, b, read := mesh.Member("a"), mesh.Member("b"), mesh.Member("read")
		old := byIstioctl(t, read, a, b)
		b.Before = func(c peeringtest.Call) error {
			if c.Verb == "update" {
				return errors.New("refused")
			}
			return nil
		}
		p := &peering.Peering{Adopt: peering.AdoptRevoke}
		links := []peering.Link{{From: a.Cluster, To: read.Cluster}, {From: b.Cluster, To: read.Cluster}}
		report, err := p.Ensure(t.Context(), links...)
		require.ErrorContains(t, err, "refused")
		require.Len(t, report.Links[0].Left, 1)
		require.Contains(t, report.Links[0].Left[0].Reason, "istio-remote-secret-read of b still uses it")
		require.True(t, accepted(t, read, old))
		b.Before = nil
		report, err = p.Ensure(t.Context(), links...)
		require.NoError(t, err)
		require.Empty(t, report.Links[1].Left)
		require.False(t, accepted(t, read, old), "the last one revokes it")
	})
}

func TestAdoptionIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		byIstioctl(t, west, east)
		before, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		east.Istiods.Stick("istiod-1", istiod.TimedOut)
		p := &peering.Peering{Adopt: peering.AdoptRevoke, UndoUnsynced: true}
		_, err = p.Ensure(t.Context(), link)
		require.Error(t, err)
		after, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		before.SetResourceVersion("")
		after.SetResourceVersion("")
		require.Equal(t, before, after)
	})
}

func TestSecretOfSeveralClustersIsNotAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		s := secret("several")
		s.Labels = map[string]string{secrets.LabelMultiCluster: "true"}
		s.Data = map[string][]byte{"west": []byte("{}"), "north": []byte("{}")}
		must(t, east, s)
		_, err := (&peering.Peering{Adopt: peering.AdoptKeep}).Ensure(t.Context(), link)
		require.ErrorContains(t, err, "names 2 clusters")
	})
}
