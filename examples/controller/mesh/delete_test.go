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

// TestDelete removes every link, also those that the spec no longer asks for.
func TestDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
		w.run(2 * time.Minute)
		require.Nil(t, w.mesh())
		require.Empty(t, w.credentials())
		require.Equal(t, 6, having(w.told(), "Normal Removed"))
	})
}

// TestDeleteAfterTheSourceForgot: the record of links suffices, also to a process that never connected to the leaver. What the
// other side holds goes; what is left in the leaver is named, and the Mesh goes at the deadline.
func TestDeleteAfterTheSourceForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
		w.r, w.forgot = w.reconciler(), true
		w.list("east", "west")
		w.run(9 * time.Minute)
		require.NotNil(t, w.mesh(), "there is time left")
		w.run(2 * time.Minute)
		require.Nil(t, w.mesh())
		w.requireRevokedExcept("north")
		told := w.told()
		require.Equal(t, 4, having(told, "Warning DeadlineExceeded", "north"), "%q", told)
		require.Equal(t, 2, having(told, "Normal Removed"), "%q", told)
	})
}

// TestDeleteWithAnUnreachableMember ends at the deadline, not before and not much later.
func TestDeleteWithAnUnreachableMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		w.members.Member("north").Partition()
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
		start := time.Now()
		for w.mesh() != nil && time.Since(start) < time.Hour {
			time.Sleep(max(w.pass().RequeueAfter, time.Millisecond))
		}
		require.InDelta(t, 10*time.Minute, time.Since(start), float64(time.Minute))
		told := w.told()
		require.Equal(t, 4, having(told, "Warning DeadlineExceeded"), "%q", told)
		require.Equal(t, 4, having(told, "Warning DeadlineExceeded", "north"), "%q", told)
		w.members.Member("north").Heal()
		w.requireRevokedExcept("north")
	})
}

// TestLeaverUnreachable: a member that left and does not answer is given up at the deadline, and the Mesh lives on.
func TestLeaverUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		w.members.Member("north").Partition()
		w.list("east", "west")
		w.run(5 * time.Minute)
		require.NotNil(t, w.link("north", "west"))
		require.NotEmpty(t, w.link("north", "west").Faults)
		w.run(8 * time.Minute)
		w.requireReady("2/2")
		require.Equal(t, 4, having(w.told(), "Warning DeadlineExceeded"))
	})
}

// TestComesBackWhileItLeaves: its links are made again.
func TestComesBackWhileItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		w.run(2 * time.Minute)
		w.members.Member("north").Partition()
		w.list("east", "west")
		w.run(4 * time.Minute)
		w.members.Member("north").Heal()
		w.list("east", "north", "west")
		w.run(5 * time.Minute)
		w.requireReady("6/6")
		require.Zero(t, having(w.told(), "DeadlineExceeded"))
		require.Len(t, w.credentials(), 6)
	})
}

// TestRetain leaves everything as it is.
func TestRetain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three, func(s *v1alpha1.MeshSpec) { s.Deletion.Policy = v1alpha1.Retain })
		w.run(2 * time.Minute)
		require.Empty(t, w.mesh().Finalizers)
		w.list("east", "west")
		w.run(2 * time.Minute)
		w.requireReady("2/2")
		w.forgetCalls()
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
		w.run(2 * time.Minute)
		require.Nil(t, w.mesh())
		_, writes := w.calls()
		require.Zero(t, writes)
		require.Len(t, w.credentials(), 6)
	})
}

// TestPolicyChanges: the finalizer is there only while links would have to be removed.
func TestPolicyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}})
		w.run(2 * time.Minute)
		w.change(func(m *v1alpha1.Mesh) { m.Spec.Deletion.Policy = v1alpha1.Retain })
		w.run(2 * time.Minute)
		require.Empty(t, w.mesh().Finalizers)
		w.requireReady("2/2")
		w.change(func(m *v1alpha1.Mesh) {
			m.Spec.Deletion = v1alpha1.Deletion{Deadline: metav1.Duration{Duration: time.Minute}}
		})
		w.run(2 * time.Minute)
		require.NotEmpty(t, w.mesh().Finalizers)
	})
}
