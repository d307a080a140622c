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
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestEnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.Scale("istiod-1", "istiod-2")
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
		require.True(t, report.Changed())
		require.Len(t, report.Links[0].Results, 2, "every replica is asked")
		require.Equal(t, secrets.KindDurable, report.Links[0].Credential.Kind)
		require.Zero(t, report.RenewAt())

		require.Equal(t, 4, writes(west))
		require.Equal(t, 1, writes(east))
		require.LessOrEqual(t, count(west, "get")+count(west, "list")+count(east, "get")+count(east, "list"), 10+2*3)
	})
}

func TestEnsureAgainChangesNothing(t *testing.T) {
	for _, p := range []peering.Peering{
		{},
		{Credential: secrets.KindBound},
		{Reader: rbac.Options{Profile: rbac.Upstream}},
		{Reader: rbac.Options{Profile: rbac.Minimal, Labels: map[string]string{"team": "mesh"}}},
	} {
		t.Run(string(p.Credential)+p.Reader.Profile.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				before := writes(east) + writes(west)
				minted := count(west, "create token")
				reads := count(west, "get") + count(west, "list") + count(east, "get") + count(east, "list")

				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.False(t, report.Changed())
				require.Equal(t, before, writes(east)+writes(west))
				require.Equal(t, minted, count(west, "create token"))
				reads = count(west, "get") + count(west, "list") + count(east, "get") + count(east, "list") - reads
				require.LessOrEqual(t, reads, 8+2*6)
				require.NotNil(t, report.Links[0].Credential)
			})
		})
	}
}

// TestEnsureRepairs breaks one thing of a good link at a time.
func TestEnsureRepairs(t *testing.T) {
	for name, breakIt := range map[string]struct {
		do   func(t *testing.T, east, west *peeringtest.Member)
		mint bool
	}{
		"role edited": {func(t *testing.T, _, west *peeringtest.Member) {
			role := clusterRole(t, west, "meshpeer-reader-east")
			role.Rules = role.Rules[:3]
			_, err := west.Update(t.Context(), role)
			require.NoError(t, err)
		}, false},
		"binding deleted": {func(t *testing.T, _, west *peeringtest.Member) {
			binding := clusterRoleBinding(t, west, "meshpeer-reader-east")
			require.NoError(t, west.Delete(t.Context(), binding))
		}, false},
		"roleRef points elsewhere": {func(t *testing.T, _, west *peeringtest.Member) {
			binding := clusterRoleBinding(t, west, "meshpeer-reader-east")
			binding.RoleRef.Name = "view"
			_, err := west.Update(t.Context(), binding)
			require.NoError(t, err)
		}, false},
		"token Secret deleted": {func(t *testing.T, _, west *peeringtest.Member) {
			require.NoError(t, west.Delete(t.Context(), secret("meshpeer-reader-east-1")))
		}, true},
		"account recreated": {func(t *testing.T, _, west *peeringtest.Member) {
			account, err := west.Get(t.Context(), serviceAccount("meshpeer-reader-east"))
			require.NoError(t, err)
			require.NoError(t, west.Delete(t.Context(), account))
			account.SetUID("")
			account.SetResourceVersion("")
			must(t, west, account)
		}, true},
		"remote secret deleted": {func(t *testing.T, east, _ *peeringtest.Member) {
			require.NoError(t, east.Delete(t.Context(), secret("istio-remote-secret-west")))
		}, true},
		"remote secret garbled": {func(t *testing.T, east, _ *peeringtest.Member) {
			s, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
			require.NoError(t, err)
			s.(*corev1.Secret).Data["west"] = []byte("no kubeconfig")
			_, err = east.Update(t.Context(), s)
			require.NoError(t, err)
		}, true},
		"record of the token lost": {func(t *testing.T, east, _ *peeringtest.Member) {
			s, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
			require.NoError(t, err)
			s.SetAnnotations(nil)
			_, err = east.Update(t.Context(), s)
			require.NoError(t, err)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := new(peering.Peering)
				first, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				breakIt.do(t, east, west)

				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.True(t, report.Changed())
				require.Equal(t, breakIt.mint, first.Links[0].Credential.Fingerprint != report.Links[0].Credential.Fingerprint)
				again, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.False(t, again.Changed())
				tokens, err := west.List(t.Context(), secret(""), peering.LabelManagedBy+"="+peering.ManagedBy)
				require.NoError(t, err)
				require.Len(t, tokens, 1, "older generations are revoked")
			})
		})
	}
}

func TestBoundTokensAreRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := &peering.Peering{Credential: secrets.KindBound, Lifetime: time.Hour}
		first, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(48*time.Minute), first.RenewAt(), time.Minute)

		time.Sleep(time.Until(first.RenewAt()) - time.Minute)
		early, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.False(t, early.Changed())

		time.Sleep(time.Minute)
		renewed, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, 2, renewed.Links[0].Credential.Generation)
		require.True(t, renewed.RenewAt().After(first.RenewAt()))
		_, err = west.Get(t.Context(), secret("meshpeer-reader-east-1"))
		require.Error(t, err, "the marker of the old token is gone")
	})
}

func TestChangeOfKindMintsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := pair()
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		report, err := (&peering.Peering{Credential: secrets.KindBound}).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, secrets.KindBound, report.Links[0].Credential.Kind)
	})
}

func TestMeshOfFour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("a", "b", "c", "Kubernetes")
		report, err := new(peering.Peering).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
		require.NoError(t, err)
		require.Len(t, report.Links, 12)
		require.Equal(t, probe.Passed, report.Status())
	})
}

func TestHostedFromIsOnlyVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Hosted, east.Cluster.Istiods = true, nil
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Status(), "the host's istiod cannot be asked")
		require.Zero(t, writes(east)+writes(west))
	})
}

// TestHostedFromThatDoesNotRead: there is no Secret whose place could be wrong.
func TestHostedFromThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Hosted = true
		report, err := new(peering.Peering).Verify(t.Context(), link)
		unsynced, is := errors.AsType[*peering.NotSyncedError](err)
		require.True(t, is, "%v", err)
		require.True(t, unsynced.Hosted)
		require.Contains(t, report.Links[0].Error.Hint, "peer the cluster that istiod belongs to with west")
		require.Equal(t, report.Links[0].Error.Hint, report.Links[0].Results[0].Hint)
		require.Zero(t, writes(east)+writes(west))
	})
}

func TestExistingAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		reader, err := rbac.Render(rbac.Options{})
		require.NoError(t, err)
		must(t, west, reader.ServiceAccount)
		must(t, west, reader.ClusterRole)
		must(t, west, reader.ClusterRoleBinding)
		p := &peering.Peering{Account: &peering.Account{Name: reader.ServiceAccount.Name}}
		_, err = p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, 3+1, writes(west), "of ours only the token")
		_, err = p.Remove(t.Context(), link)
		require.NoError(t, err)
		require.Len(t, contents(t, west), 3, "what was there stays")
		require.Empty(t, contents(t, east))
	})
}

func secret(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name}}
}

func serviceAccount(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name}}
}
