//go:build !race

package peering_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestMemoryOfALink bounds what the verbs allocate for a link of a mesh in memory, the kit's servers and istiods included. Time
// is fake, so that istiods are polled as often on any machine; what the race detector adds would count, and so it is left out.
func TestMemoryOfALink(t *testing.T) {
	const kB = 1000
	few, many := memoryOfALink(t, 10), memoryOfALink(t, 24)
	for i, verb := range []struct {
		name  string
		limit float64
	}{{"Ensure", 170 * kB}, {"second Ensure", 70 * kB}, {"Rotate", 190 * kB}} {
		require.Less(t, many[i], verb.limit, "%s of 24 clusters", verb.name)
		require.Less(t, many[i], 1.05*few[i], "%s of 24 clusters, against 10", verb.name)
	}
}

// memoryOfALink are the bytes that Ensure, another Ensure and Rotate of n clusters allocate for each link.
func memoryOfALink(t *testing.T, n int) (bytes [3]float64) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.New(peeringtest.Options{Size: n, Latency: 5 * time.Millisecond})
		links := peering.Mesh(mesh.Clusters()...)
		p := new(peering.Peering)
		for i, do := range []func(context.Context, ...peering.Link) (*peering.Report, error){p.Ensure, p.Ensure, p.Rotate} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := do(t.Context(), links...)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			bytes[i] = float64(after.TotalAlloc-before.TotalAlloc) / float64(len(links))
		}
		t.Logf("%d clusters: %.0f bytes a link", n, bytes)
	})
	return bytes
}
