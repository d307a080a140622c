//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
)

// Bounds of the design for meshes in memory, against the loop.
const (
	mostOfNew    = 8.0
	mostOfAgain  = 2.0
	mostOfLarge  = 60.0     // seconds, for the largest mesh
	mostOfLink   = 200000.0 // bytes
	mostOfGrowth = 1.2      // of the bytes of a link from a mesh of middle size to the largest: noise is not growth
)

// Sizes that the design names.
const (
	middle = 40
	large  = 100
)

// line of the tables: one of the three calls.
type call struct {
	name        string
	took, bytes int
	most        float64
}

var calls = []call{
	{"Ensure", ensureTook, ensureBytes, mostOfNew},
	{"second Ensure", againTook, againBytes, mostOfAgain},
	{"Rotate", rotateTook, rotateBytes, mostOfNew},
}

func sized(all []meshSize, n int) *meshSize {
	if i := slices.IndexFunc(all, func(s meshSize) bool { return s.n == n }); i >= 0 {
		return &all[i]
	}
	return nil
}

// timeSection tells how long a mesh takes.
func timeSection(all []meshSize) section {
	s := section{
		title: "Meshes in memory",
		text: fmt.Sprintf(`Every ordered pair of N clusters on `+"`peering/peeringtest`"+`, where each call to an API server takes %d ms, also those of
preflight and of a token's bearer. The loop does the least that a program could do for the same links, %d at a time as
Ensure does: it renders the reader, builds the Secret, parses it and waits for %d such calls; it reads nothing, proves
nothing, undoes nothing. The ratio is to the loop.`, latency.Milliseconds(), atATime, callsPerLink),
		header: []string{"clusters", "links", "loop", "Ensure", "ratio", "second Ensure", "ratio", "Rotate", "ratio"},
	}
	for _, size := range all {
		row := []string{strconv.Itoa(size.n), strconv.Itoa(size.links()), size.loop[loopTook].spread().text(seconds)}
		for _, c := range calls {
			took := size.verbs[c.took]
			row = append(row, took.spread().text(seconds), took.over(size.loop[loopTook]).spread().text(times))
		}
		s.rows = append(s.rows, row)
	}
	for _, c := range calls {
		if size := sized(all, middle); size != nil {
			text := fmt.Sprintf("%s of %d links in memory, against the loop", c.name, size.links())
			s.promises = append(s.promises, promise{text, c.most, size.verbs[c.took].over(size.loop[loopTook]).spread(), times})
		}
	}
	for _, c := range calls {
		if size := sized(all, large); size != nil {
			text := fmt.Sprintf("%s of %d links in memory", c.name, size.links())
			s.promises = append(s.promises, promise{text, mostOfLarge, size.verbs[c.took].spread(), seconds})
		}
	}
	took := func(c call) func(meshSize) series { return func(s meshSize) series { return s.verbs[c.took] } }
	s.pictures = []picture{draws("benchmarks-time.svg", "Time for a mesh, 5 ms a call", "seconds", true, all, took,
		func(s meshSize) series { return s.loop[loopTook] })}
	return s
}

// bytesSection tells how much a link allocates.
func bytesSection(all []meshSize) section {
	s := section{
		title: "Memory of a link",
		text: `What was allocated during a call, divided by the links: by the SDK and by the clusters in memory, which copy every object
that they store or return. The ratio is to the loop, which has no clusters; the last column is to the smallest mesh.`,
		header: []string{"clusters", "loop", "Ensure", "ratio", "second Ensure", "ratio", "Rotate", "ratio", "Ensure, growth"},
	}
	for _, size := range all {
		row := []string{strconv.Itoa(size.n), size.perLink(size.loop[loopBytes]).spread().text(kilobytes)}
		for _, c := range calls {
			bytes := size.verbs[c.bytes]
			row = append(row, size.perLink(bytes).spread().text(kilobytes), bytes.over(size.loop[loopBytes]).spread().text(times))
		}
		growth := all[0].growth(size)
		s.rows = append(s.rows, append(row, growth.text(times)))
	}
	if size := sized(all, large); size != nil {
		for _, c := range calls {
			text := fmt.Sprintf("allocated a link by %s of %d links", c.name, size.links())
			s.promises = append(s.promises, promise{text, mostOfLink, size.perLink(size.verbs[c.bytes]).spread(), kilobytes})
		}
		if from := sized(all, middle); from != nil {
			text := fmt.Sprintf("allocated a link by Ensure, %d clusters against %d", large, middle)
			s.promises = append(s.promises, promise{text, mostOfGrowth, from.growth(*size), times})
		}
	}
	bytes := func(c call) func(meshSize) series {
		return func(s meshSize) series { return scaled(s.perLink(s.verbs[c.bytes]), 1e-3) }
	}
	s.pictures = []picture{draws("benchmarks-memory.svg", "Allocated a link", "kB", false, all, bytes,
		func(s meshSize) series { return scaled(s.perLink(s.loop[loopBytes]), 1e-3) })}
	return s
}

func (s meshSize) perLink(bytes series) series { return scaled(bytes, 1/float64(s.links())) }

// growth compares what a link allocates in a larger mesh with the median of this one: their rounds are not the same.
func (s meshSize) growth(larger meshSize) spread {
	base := s.perLink(s.verbs[ensureBytes]).spread().median
	return scaled(larger.perLink(larger.verbs[ensureBytes]), 1/base).spread()
}

func scaled(s series, by float64) series {
	out := make(series, len(s))
	for i := range s {
		out[i] = s[i] * by
	}
	return out
}

// draws makes a picture with a curve for each call and one for the loop.
func draws(file, title, up string, log bool, all []meshSize, of func(call) func(meshSize) series, loop func(meshSize) series) picture {
	p := picture{file: file, title: title, up: up, log: log}
	for _, c := range calls {
		p.curves = append(p.curves, curveOf(c.name, all, of(c)))
	}
	p.curves = append(p.curves, curveOf("loop", all, loop))
	return p
}

func curveOf(name string, all []meshSize, of func(meshSize) series) curve {
	c := curve{name: name}
	for _, size := range all {
		c.x, c.y = append(c.x, float64(size.n)), append(c.y, of(size).spread())
	}
	return c
}
