package main

import (
	"fmt"
	"io"
)

// slow is how many seconds a package takes that has a line of its own in the table.
const slow = 20

// writeTable tells which part of a run took how long, in the order in which they ended, and which packages most of that.
func writeTable(out io.Writer, parts []summary) {
	all := Counts{Name: "all"}
	var lines []Counts
	for _, p := range parts {
		lines = append(lines, p.Counts)
		for _, in := range p.Packages {
			in.Name = "  " + in.Name
			lines = append(lines, in)
		}
		all.Seconds += p.Seconds
		all.Passed += p.Passed
		all.Failed += p.Failed
		all.Skipped += p.Skipped
	}
	lines = append(lines, all)
	width := len("part")
	for _, line := range lines {
		width = max(width, len(line.Name))
	}
	fmt.Fprintf(out, "%-*s  seconds  passed  failed  skipped\n", width, "part")
	for _, l := range lines {
		fmt.Fprintf(out, "%-*s  %7.0f  %6d  %6d  %7d\n", width, l.Name, l.Seconds, l.Passed, l.Failed, l.Skipped)
	}
}
