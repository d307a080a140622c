package mesh_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// figures are what the metric was told last.
type figures struct {
	mesh.NoMetrics
	mu   sync.Mutex
	last map[mesh.Pair]figure
}

type figure struct {
	took    time.Duration
	arrived bool
}

func (f *figures) Freshness(_ types.NamespacedName, link mesh.Pair, took time.Duration, arrived bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last[link] = figure{took, arrived}
}

func fresh(s *v1alpha1.MeshSpec) { s.Freshness = &v1alpha1.Freshness{} }

// TestFreshness: an istiod that says synced and sees nothing any more is told of, and so is one that cannot be asked.
func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}}, fresh)
		told := &figures{last: map[mesh.Pair]figure{}}
		w.r.Metrics = told
		w.run(2 * time.Minute)
		w.requireReady("2/2")
		require.Equal(t, metav1.ConditionTrue, w.condition(v1alpha1.DiscoveryFresh).Status)
		require.Len(t, told.last, 2)
		require.True(t, told.last[mesh.Pair{From: "east", To: "west"}].arrived)
		require.Less(t, told.last[mesh.Pair{From: "east", To: "west"}].took, time.Second)

		istiods := w.members.Member("east").Istiods
		istiods.GoStale("istiod-1")
		w.run(15 * time.Minute)
		c := w.condition(v1alpha1.DiscoveryFresh)
		require.Equal(t, metav1.ConditionFalse, c.Status)
		require.Equal(t, mesh.ReasonStale, c.Reason)
		require.Contains(t, c.Message, "east -> west")
		require.Equal(t, metav1.ConditionTrue, w.condition(v1alpha1.Synced).Status, "its istiods say so")
		require.False(t, told.last[mesh.Pair{From: "east", To: "west"}].arrived)
		require.GreaterOrEqual(t, told.last[mesh.Pair{From: "east", To: "west"}].took, 5*time.Second)
		require.True(t, told.last[mesh.Pair{From: "west", To: "east"}].arrived)

		istiods.Restart()
		w.run(15 * time.Minute)
		require.Equal(t, metav1.ConditionTrue, w.condition(v1alpha1.DiscoveryFresh).Status)

		w.members.Member("west").Istiods.FailReplica("istiod-1", errFailed)
		w.run(15 * time.Minute)
		require.Equal(t, metav1.ConditionUnknown, w.condition(v1alpha1.DiscoveryFresh).Status)
	})
}

// TestFreshnessWritesNothingUnasked: not in mode Observe, and not without spec.freshness.
func TestFreshnessWritesNothingUnasked(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.MeshSpec){
		"observe": func(s *v1alpha1.MeshSpec) { fresh(s); s.Mode = v1alpha1.Observe },
		"unasked": func(*v1alpha1.MeshSpec) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, peeringtest.Options{Names: []string{"east", "west"}}, change)
				w.run(30 * time.Minute)
				require.Nil(t, meta.FindStatusCondition(w.mesh().Status.Conditions, v1alpha1.DiscoveryFresh))
				for _, m := range w.members.Members() {
					for _, c := range m.Calls() {
						require.False(t, c.Kind == "EndpointSlice" && c.Verb == "create", "%+v", c)
					}
				}
			})
		})
	}
}
