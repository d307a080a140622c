package mesh_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

var three = peeringtest.Options{Names: []string{"east", "north", "west"}}

// TestJoinAndLeave: a joiner is linked, a leaver's links are removed and its credentials revoked, the others rest.
func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.list("east", "west")
		w.run(2 * time.Minute)
		w.requireReady("2/2")
		kept := *w.link("east", "west")
		w.told()

		w.list("east", "north", "west")
		w.run(2 * time.Minute)
		w.requireReady("6/6")
		require.Equal(t, kept, *w.link("east", "west"), "nobody looked at it")

		w.list("east", "west")
		w.run(3 * time.Minute)
		w.requireReady("2/2")
		require.Nil(t, w.link("north", "east"))
		require.Len(t, w.credentials(), 2)
		told := w.told()
		require.Equal(t, 4, having(told, "Normal Removed", "is refused"), "%q", told)
		require.Equal(t, kept, *w.link("east", "west"))
	})
}

// TestStar: members are linked with the hub alone; another hub takes over, and links that it has no use for go.
func TestStar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three, func(s *v1alpha1.MeshSpec) { s.Topology = v1alpha1.Topology{Kind: v1alpha1.Star, Hub: "east"} })
		w.run(2 * time.Minute)
		w.requireReady("4/4")
		require.Nil(t, w.link("north", "west"))
		w.change(func(m *v1alpha1.Mesh) { m.Spec.Topology.Hub = "west" })
		w.run(3 * time.Minute)
		w.requireReady("4/4")
		require.Nil(t, w.link("north", "east"))
		require.Len(t, w.credentials(), 4)
	})
}

// TestUnknownSourceIsNoLeave: while the list cannot be read nobody leaves, and credentials are renewed through the connections
// that there are.
func TestUnknownSourceIsNoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		w.listed, w.unlisted = nil, errors.New("the list is not to be had")
		w.run(23 * time.Hour)
		c := w.condition(v1alpha1.Ready)
		require.Equal(t, "SourceUnknown", c.Reason)
		require.Equal(t, metav1.ConditionUnknown, c.Status)
		require.Len(t, w.credentials(), 6)
		require.EqualValues(t, 2, w.link("east", "west").Credential)
		require.Equal(t, 1, having(w.told(), "Warning SourceUnknown"))
	})
}

// TestBrokenDescription: a member that is named and cannot be described has not left.
func TestBrokenDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		w.told()
		w.broken = map[string]error{"north": errors.New("Secret north has no kubeconfig")}
		w.run(5 * time.Minute)
		c := w.condition(v1alpha1.Ready)
		require.Equal(t, "MemberUnknown", c.Reason)
		require.Contains(t, c.Message, "no kubeconfig")
		require.Len(t, w.credentials(), 6)
		require.Equal(t, 1, having(w.told(), "MemberUnknown"))
	})
}

// TestOneLinkFails and others stay; the failure has a code, is told once, and so is its end.
func TestOneLinkFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-west", Labels: map[string]string{"made-by": "somebody"}}}
		_, err := w.members.Member("east").Create(t.Context(), foreign)
		require.NoError(t, err)
		w.run(10 * time.Minute)
		require.Equal(t, "5/6", w.mesh().Status.LinksReady)
		require.Len(t, w.link("east", "west").Faults, 1)
		require.Empty(t, w.link("west", "east").Faults)
		c := w.condition(v1alpha1.Ready)
		require.Equal(t, metav1.ConditionFalse, c.Status)
		require.Contains(t, []string{"ForeignObject", "PreflightFailed"}, c.Reason)
		require.Contains(t, c.Message, "east -> west")
		told := w.told()
		require.Equal(t, 1, having(told, "Warning PreflightFailed east -> west: Ready is False: "), "%q", told)

		require.NoError(t, w.members.Member("east").Delete(t.Context(), foreign))
		w.run(3 * time.Minute)
		w.requireReady("6/6")
		told = w.told()
		require.Equal(t, 1, having(told, "Normal LinkWell", "east -> west"), "%q", told)
		require.Equal(t, 1, having(told, "Normal AllWell Ready is True"), "%q", told)
	})
}

// TestOutage: an API server that does not answer makes its links unknown, not wrong, and nothing is undone.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three, func(s *v1alpha1.MeshSpec) { s.RecheckEvery = metav1.Duration{Duration: 10 * time.Minute} })
		w.run(2 * time.Minute)
		w.told()
		w.members.Member("north").Partition()
		w.run(30 * time.Minute)
		c := w.condition(v1alpha1.Ready)
		require.Equal(t, metav1.ConditionUnknown, c.Status, c.Message)
		require.Equal(t, "2/6", w.mesh().Status.LinksReady)
		require.Empty(t, w.link("east", "west").Faults)
		w.members.Member("north").Heal()
		w.run(5 * time.Minute)
		w.requireReady("6/6")
		told := w.told()
		require.Equal(t, 4, having(told, "Warning Unreachable ", "north", ": Ready is Unknown: API server"), "%q", told)
		require.Equal(t, 4, having(told, "LinkWell"), "%q", told)
		require.EqualValues(t, 1, w.link("east", "north").Credential)
	})
}

// TestExpired: a credential that cannot be renewed in time is told before and after its end.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}})
		w.run(2 * time.Minute)
		w.members.Member("west").Partition()
		w.run(22 * time.Hour)
		require.Equal(t, "RenewalFailed", w.condition(v1alpha1.CredentialFresh).Reason)
		w.run(4 * time.Hour)
		require.Equal(t, "Expired", w.condition(v1alpha1.CredentialFresh).Reason)
		require.Equal(t, metav1.ConditionFalse, w.condition(v1alpha1.Ready).Status)
		w.members.Member("west").Heal()
		w.run(5 * time.Minute)
		w.requireReady("2/2")
		require.Equal(t, metav1.ConditionTrue, w.condition(v1alpha1.CredentialFresh).Status)
	})
}

// TestTooFewMembers says so, and asks nothing of the one.
func TestTooFewMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.list("east")
		w.run(5 * time.Minute)
		require.Equal(t, "TooFewMembers", w.condition(v1alpha1.Ready).Reason)
		all, _ := w.calls()
		require.Zero(t, all)
	})
}
