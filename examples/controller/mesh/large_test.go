package mesh_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/internal/sampled"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestLargeMesh: 100 clusters, 9 900 links. What keeps them costs nothing between renewals; renewals come spread over hours; and the
// Mesh fits into etcd.
func TestLargeMesh(t *testing.T) {
	size := 100
	if testing.Short() || !sampled.Take(1) { // under the race detector it would take an hour
		size = 16
	}
	synctest.Test(t, func(t *testing.T) {
		links := size * (size - 1)
		ready := fmt.Sprintf("%d/%d", links, links)
		w := newWorld(t, peeringtest.Options{Size: size, Latency: 5 * time.Millisecond})
		renewals := &renewals{quarters: map[time.Duration]int{}}
		w.r.Metrics, w.r.SourceEvery = renewals, time.Hour // a pass over so many links takes a while
		started := time.Now()
		w.run(5 * time.Minute)
		w.requireReady(ready)
		written, err := json.Marshal(w.mesh())
		require.NoError(t, err)
		require.Less(t, len(written), 3<<20/2, "the most that etcd takes by default")

		w.forgetCalls()
		patches := w.patches
		w.run(19*time.Hour - time.Since(started))
		idle, _ := w.calls()
		require.Less(t, idle, links, "less than one request for each link and renewal")
		t.Logf("%d bytes; %d requests in 19 hours for %d links, %d status patches", len(written), idle, links, w.patches-patches)
		require.Zero(t, w.patches-patches)

		w.forgetCalls()
		w.run(3 * time.Hour)
		w.requireReady(ready)
		for _, l := range w.mesh().Status.Links {
			require.EqualValues(t, 2, l.Credential, "%s -> %s", l.From, l.To)
		}
		require.Equal(t, links, renewals.all)
		require.GreaterOrEqual(t, len(renewals.quarters), 9, "%v", renewals.quarters)
		require.Less(t, slices.Max(slices.Collect(maps.Values(renewals.quarters))), links/5, "%v", renewals.quarters)
		require.Less(t, w.patches-patches, max(links/10, 100), "links are renewed in groups, which read a cluster once")
		all, writes := w.calls()
		t.Logf("all renewed: %.1f requests and %.1f writes each, %d status patches", float64(all)/float64(links), float64(writes)/float64(links), w.patches-patches)
		require.Len(t, w.told(), 1, "ready, once")
	})
}

// renewals counts them by quarters of an hour since the first one.
type renewals struct {
	mesh.NoMetrics
	since    time.Time
	quarters map[time.Duration]int
	all      int
}

func (r *renewals) Rotated(_ types.NamespacedName, _ mesh.Pair, err error) {
	if r.all++; r.all == 1 {
		r.since = time.Now()
	}
	r.quarters[time.Since(r.since).Truncate(15*time.Minute)]++
}
