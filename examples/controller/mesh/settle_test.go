package mesh_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestPeersAndRests: every link is made and told of once; then nothing is asked of a member and nothing is written.
func TestPeersAndRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "north", "west"}, Istiods: 2})
		w.run(time.Minute)
		w.requireReady("6/6")
		m := w.mesh()
		require.Equal(t, []string{v1alpha1.Finalizer}, m.Finalizers)
		require.EqualValues(t, 3, m.Status.Members)
		require.EqualValues(t, 1, m.Status.ObservedGeneration)
		for _, kind := range []string{v1alpha1.Granted, v1alpha1.CredentialFresh, v1alpha1.Synced} {
			require.Equal(t, metav1.ConditionTrue, w.condition(kind).Status, kind)
		}
		for _, kind := range []string{v1alpha1.Drifted, v1alpha1.Hazard} {
			require.Equal(t, metav1.ConditionFalse, w.condition(kind).Status, kind)
		}
		l := w.link("east", "west")
		require.Equal(t, "2/2", l.Istiods)
		require.EqualValues(t, 1, l.Credential)
		require.Len(t, l.Plan, 12)
		require.Equal(t, 24*time.Hour, l.ExpiresAt.Sub(l.IssuedAt.Time).Round(time.Minute))
		require.Greater(t, l.RenewAt.Sub(l.IssuedAt.Time), 19*time.Hour)
		require.Less(t, l.RenewAt.Sub(l.IssuedAt.Time), 22*time.Hour)
		require.Equal(t, []string{"Normal AllWell Ready is True: 6/6 links are ready"}, w.told())

		w.forgetCalls()
		patches := w.patches
		w.run(6 * time.Hour)
		all, _ := w.calls()
		require.Zero(t, all)
		require.Equal(t, patches, w.patches)
		require.Empty(t, w.told())
	})
}

// TestRenews: each credential is replaced before it ends, once, and the old one is gone.
func TestRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}})
		w.run(time.Minute)
		w.run(23 * time.Hour)
		w.requireReady("2/2")
		require.EqualValues(t, 2, w.link("east", "west").Credential)
		require.Len(t, w.credentials(), 2)
		require.Equal(t, 1, len(w.told()), "a renewal is no transition")
	})
}

// TestRotatesByAge: a policy of its own makes credentials younger than their lives would.
func TestRotatesByAge(t *testing.T) {
	for _, kind := range []v1alpha1.CredentialKind{v1alpha1.Bound, v1alpha1.Durable} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}}, func(s *v1alpha1.MeshSpec) {
					s.Credential = v1alpha1.Credential{Kind: kind, RotateEvery: &metav1.Duration{Duration: time.Hour}}
				})
				w.run(10*time.Hour + 30*time.Minute)
				w.requireReady("2/2")
				require.InDelta(t, 11, w.link("east", "west").Credential, 1)
				require.Len(t, w.credentials(), 2)
			})
		})
	}
}

// TestDurableIsLeftAlone: without expiry and policy nothing is replaced, and each link is looked at once a day.
func TestDurableIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}}, func(s *v1alpha1.MeshSpec) { s.Credential.Kind = v1alpha1.Durable })
		w.run(time.Minute)
		require.Nil(t, w.link("east", "west").ExpiresAt)
		require.Nil(t, w.link("east", "west").RenewAt)
		w.forgetCalls()
		w.run(48 * time.Hour)
		all, writes := w.calls()
		require.NotZero(t, all)
		require.Zero(t, writes)
		require.EqualValues(t, 1, w.link("east", "west").Credential)
	})
}
