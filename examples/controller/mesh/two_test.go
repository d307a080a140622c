package mesh_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// locks are fences of several processes.
type locks struct {
	mu   sync.Mutex
	held map[peering.ID]bool
}

func (l *locks) Hold(ctx context.Context, to peering.ID) (context.Context, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[to] {
		return nil, nil, mesh.ErrHeld
	}
	l.held[to] = true
	held, end := context.WithCancel(ctx)
	return held, sync.OnceFunc(func() {
		end()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, to)
	}), nil
}

// TestTwoLeaders: two processes that both think they lead mint once for each renewal, the same as one.
func TestTwoLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}, Latency: 50 * time.Millisecond}, func(s *v1alpha1.MeshSpec) {
			s.Credential.RotateEvery = &metav1.Duration{Duration: time.Hour}
		})
		fences := &locks{held: map[peering.ID]bool{}}
		w.r.Fence = fences
		other := w.reconciler()
		other.Fence = fences
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, r := range []*mesh.Reconciler{w.r, other} {
			wg.Go(func() {
				for ctx.Err() == nil {
					result, err := r.Reconcile(ctx, reconcile.Request{NamespacedName: w.key})
					after := result.RequeueAfter
					if err != nil { // the other wrote first: the manager tries again
						after = time.Second
					}
					select {
					case <-time.After(after):
					case <-ctx.Done():
					}
				}
			})
		}
		time.Sleep(5*time.Hour + 30*time.Minute)
		stop()
		wg.Wait()
		for _, l := range w.mesh().Status.Links {
			minted := 0
			for _, c := range w.members.Member(l.To).Calls() {
				if c.Verb == "create" && c.Kind == "Secret" && strings.HasPrefix(c.Name, "meshpeer-reader-"+l.From+"-") {
					minted++
				}
			}
			require.EqualValues(t, l.Credential, minted, "%s -> %s", l.From, l.To)
			require.InDelta(t, 6, minted, 1)
		}
		require.Len(t, w.credentials(), 2)
	})
}

// TestFenced: while another process holds a cluster its links wait, and the others go on.
func TestFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		north, err := peering.ParseID("north")
		require.NoError(t, err)
		fences := &locks{held: map[peering.ID]bool{north: true}}
		w.r.Fence = fences
		w.run(5 * time.Minute)
		require.Equal(t, "4/6", w.mesh().Status.LinksReady)
		require.Empty(t, w.link("east", "north").Faults)
		require.Equal(t, "Progressing", w.condition(v1alpha1.Ready).Reason)
		delete(fences.held, north)
		w.run(time.Minute)
		w.requireReady("6/6")
	})
}

// TestRecordComesFirst: a process that dies at its first write into a member leaves a record by which a deletion finds it.
func TestRecordComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}})
		recorded := 0
		for _, m := range w.members.Members() {
			m.Before = func(c peeringtest.Call) error {
				if c.Write() {
					links := len(w.mesh().Status.Links)
					w.mu.Lock()
					defer w.mu.Unlock()
					recorded = max(recorded, links)
				}
				return nil
			}
		}
		killed, kill := context.WithCancel(t.Context())
		w.members.Member("west").After = func(c peeringtest.Call) error {
			if c.Write() {
				kill() // and nothing that it does after this is seen
				w.mu.Lock()
				w.dead = true
				w.mu.Unlock()
			}
			return nil
		}
		_, _ = w.r.Reconcile(killed, reconcile.Request{NamespacedName: w.key})
		require.Equal(t, 2, recorded)
		require.Zero(t, w.link("east", "west").ObservedGeneration)

		w.dead = false
		for _, m := range w.members.Members() {
			m.Before, m.After = nil, nil
		}
		w.r = w.reconciler()
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
		for _, m := range w.members.Members() {
			m.ForgetCalls()
		}
		w.run(2 * time.Minute)
		require.Nil(t, w.mesh())
		all, _ := w.calls()
		require.NotZero(t, all, "it looked for what may be there")
	})
}

// TestDrift: what somebody changes is put right when the controller hears of it, and told once.
func TestDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}})
		w.run(2 * time.Minute)
		w.told()
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "meshpeer-reader-east"}}
		require.NoError(t, w.members.Member("west").Delete(t.Context(), role))
		w.r.Touch(w.key, mesh.Pair{From: "east", To: "west"})
		w.pass()
		c := w.condition(v1alpha1.Drifted)
		require.Equal(t, metav1.ConditionTrue, c.Status)
		require.Equal(t, "Repaired", c.Reason)
		require.Contains(t, c.Message, "ClusterRole/meshpeer-reader-east on west: created")
		w.requireReady("2/2")
		w.run(5 * time.Minute)
		require.Equal(t, metav1.ConditionFalse, w.condition(v1alpha1.Drifted).Status)
		told := w.told()
		require.Equal(t, 1, having(told, "Warning Repaired Drifted is True"), "%q", told)
		require.Equal(t, 1, having(told, "Normal None Drifted is False"), "%q", told)
		require.Len(t, told, 2)
	})
}

// TestObserve writes nothing into members, and says what would be written.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}}, func(s *v1alpha1.MeshSpec) { s.Mode = v1alpha1.Observe })
		w.run(5 * time.Minute)
		require.Empty(t, w.mesh().Finalizers)
		_, writes := w.calls()
		require.Zero(t, writes)
		require.Equal(t, "WouldChange", w.condition(v1alpha1.Drifted).Reason)
		require.NotEqual(t, metav1.ConditionTrue, w.condition(v1alpha1.Ready).Status)

		_, err := (&peering.Peering{Credential: "bound", Reader: w.r.Base.Reader}).Ensure(t.Context(), peering.Mesh(w.members.Clusters()...)...)
		require.NoError(t, err)
		w.run(25 * time.Hour)
		require.NoError(t, w.client.Delete(t.Context(), w.mesh()))
	})
}

// TestProbe: a request over each link is what condition TrafficProved says.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}, Workloads: true}, func(s *v1alpha1.MeshSpec) {
			s.Probe = &v1alpha1.Probe{Every: metav1.Duration{Duration: 10 * time.Minute}}
		})
		w.run(2 * time.Minute)
		w.requireReady("2/2")
		require.Equal(t, metav1.ConditionTrue, w.condition(v1alpha1.TrafficProved).Status)
		w.told()
		w.members.Member("west").Istiods.FailReplica("istiod-1", errFailed)
		require.NoError(t, scale(t, w.members.Member("west"), "httpbin", 0))
		w.run(25 * time.Minute)
		c := w.condition(v1alpha1.TrafficProved)
		require.NotEqual(t, metav1.ConditionTrue, c.Status)
		require.Contains(t, c.Message, "east -> west")
		require.NoError(t, scale(t, w.members.Member("west"), "httpbin", 1))
		w.members.Member("west").Istiods.FailReplica("istiod-1", nil)
		w.run(25 * time.Minute)
		w.requireReady("2/2")
	})
}
