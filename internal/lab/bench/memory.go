//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// loopToken is as long as a service-account token of a real cluster.
var loopToken = secrets.NewToken(strings.Repeat("t", 900), time.Time{})

// memoryLimit ends a verb that does not come to an end.
const memoryLimit = 10 * time.Minute

// Values of a turn in memory: seconds and bytes of each verb.
const (
	ensureTook = iota
	ensureBytes
	againTook
	againBytes
	rotateTook
	rotateBytes
	memoryValues

	loopTook  = 0
	loopBytes = 1
)

// inMemory measures whole meshes on peeringtest, where a call takes 5 ms.
func inMemory(ctx context.Context, b *bench) ([]section, error) {
	var found []meshSize
	for _, n := range b.sizes {
		b.say("  %d clusters, %d links", n, n*(n-1))
		size, err := measureSize(ctx, b, n)
		if err != nil {
			return nil, fmt.Errorf("%d clusters: %w", n, err)
		}
		found = append(found, size)
	}
	return []section{timeSection(found), bytesSection(found)}, nil
}

// meshSize is what was seen of meshes of n clusters.
type meshSize struct {
	n           int
	verbs, loop []series
}

func (s meshSize) links() int { return s.n * (s.n - 1) }

func measureSize(ctx context.Context, b *bench, n int) (meshSize, error) {
	values, err := turns(ctx, b, pace{min: 3, max: 9, budget: 30 * time.Second},
		contender{"Ensure", func(ctx context.Context) ([]float64, error) { return verbs(ctx, n) }},
		contender{"loop", func(ctx context.Context) ([]float64, error) {
			links, bytes := newMesh(n), 0.0
			took, err := timed(&bytes, func() error { return loop(ctx, links) })
			return []float64{took, bytes}, err
		}})
	if err != nil {
		return meshSize{}, err
	}
	return meshSize{n, values[0], values[1]}, nil
}

// newMesh are the links of a mesh of its own.
func newMesh(n int) []peering.Link {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("cluster-%d", i+1)
	}
	clusters := peeringtest.NewMesh(ids...).Clusters()
	for _, c := range clusters {
		slowDown(c)
	}
	return peering.Mesh(clusters...)
}

// verbs peers a mesh, does it again, and rotates every credential.
func verbs(ctx context.Context, n int) ([]float64, error) {
	links, p := newMesh(n), new(peering.Peering)
	values := make([]float64, memoryValues)
	for _, v := range []struct {
		name        string
		do          func(context.Context, ...peering.Link) (*peering.Report, error)
		changes     bool
		took, bytes int
	}{
		{"Ensure", p.Ensure, true, ensureTook, ensureBytes},
		{"second Ensure", p.Ensure, false, againTook, againBytes},
		{"Rotate", p.Rotate, true, rotateTook, rotateBytes},
	} {
		ctx, cancel := context.WithTimeout(ctx, memoryLimit)
		var report *peering.Report
		var err error
		values[v.took], err = timed(&values[v.bytes], func() error {
			report, err = v.do(ctx, links...)
			return err
		})
		cancel()
		if err == nil {
			err = expect(report, len(links), v.changes)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return values, nil
}

// expect is an error unless the report says what the measure is about: a fast call that did something else is no figure.
func expect(report *peering.Report, links int, changed bool) error {
	switch {
	case len(report.Links) != links:
		return fmt.Errorf("%d links reported of %d", len(report.Links), links)
	case report.Status() != probe.Passed:
		return fmt.Errorf("the status is %s, not passed", report.Status())
	case report.Changed() != changed:
		return fmt.Errorf("changed is %t, not %t", report.Changed(), changed)
	}
	return nil
}

// timed returns the seconds that do took, and sets the bytes that were allocated meanwhile.
func timed(bytes *float64, do func() error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := do()
	took := since(start)
	runtime.ReadMemStats(&after)
	*bytes = float64(after.TotalAlloc - before.TotalAlloc)
	return took, err
}
