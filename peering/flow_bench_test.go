package peering_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// BenchmarkMesh peers a mesh in memory with 5 ms a call, looks again, and rotates it. Time and memory are given per link.
func BenchmarkMesh(b *testing.B) {
	for _, n := range []int{10, 40} {
		for _, verb := range []string{"ensure", "again", "rotate"} {
			b.Run(fmt.Sprintf("%s/%d", verb, n), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					mesh := peeringtest.New(peeringtest.Options{Size: n, Latency: 5 * time.Millisecond})
					links := peering.Mesh(mesh.Clusters()...)
					p := new(peering.Peering)
					do := p.Ensure
					if verb != "ensure" {
						_, err := p.Ensure(b.Context(), links...)
						require.NoError(b, err)
					}
					if verb == "rotate" {
						do = p.Rotate
					}
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					b.StartTimer()
					start := time.Now()
					_, err := do(b.Context(), links...)
					took := time.Since(start)
					b.StopTimer()
					require.NoError(b, err)
					runtime.ReadMemStats(&after)
					b.ReportMetric(float64(took.Microseconds())/float64(len(links)), "µs/link")
					b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e3/float64(len(links)), "kB/link")
					b.StartTimer()
				}
			})
		}
	}
}
