//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// page is what a run found.
type page struct {
	machine  machine
	date     time.Time
	named    bool // only some measures were taken
	sections []section
}

// section is one table with what has to be known about it.
type section struct {
	title, text string
	header      []string
	rows        [][]string
	promises    []promise
	pictures    []picture
}

// promise is a bound that the design sets, and what was seen of it.
type promise struct {
	text  string
	limit float64 // of the median
	seen  spread
	show  func(float64) (string, string)
}

func (p promise) kept() bool { return p.seen.median <= p.limit }

func (p promise) row() []string {
	limit, unit := p.show(p.limit)
	verdict := "kept"
	if !p.kept() {
		verdict = "**missed**"
	}
	return []string{p.text, strings.TrimSpace("≤ " + limit + " " + unit), p.seen.text(p.show), verdict}
}

const preface = `# Benchmarks

What the SDK costs beside the least that its work takes. Both ran in turns in one run on one machine, so that a ratio is a
property of the code, and a time alone is one of the machine, too. Figures are medians of the rounds with the quartiles
behind them; a ratio is taken round by round first.
`

// markdown is docs/benchmarks.md. The last section before the end is how to repeat it.
func (p page) markdown() string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "\nMeasured on %s: %s.\n", p.date.UTC().Format(time.DateOnly), p.machine)
	if p.named {
		b.WriteString("\nThis run took some of the measures only.\n")
	}
	var promises [][]string
	for _, s := range p.sections {
		for _, promise := range s.promises {
			promises = append(promises, promise.row())
		}
	}
	if len(promises) > 0 {
		b.WriteString("\n## Promises\n\n")
		writeTable(&b, []string{"promise", "at most", "seen", ""}, promises)
	}
	for _, s := range p.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.title, strings.TrimSpace(s.text))
		if len(s.rows) > 0 {
			b.WriteString("\n")
			writeTable(&b, s.header, s.rows)
		}
		for _, picture := range s.pictures {
			fmt.Fprintf(&b, "\n![%s](%s)\n", picture.title, picture.file)
		}
	}
	b.WriteString("\n## Repeat it\n\n`make bench` takes all measures and writes this page and its pictures; it needs what the lab needs. " +
		"`make bench BENCH=memory`\ntakes one and prints it; `make bench BENCH=-h` lists them.\n")
	return b.String()
}

func writeTable(b *strings.Builder, header []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	line(strings.Split(strings.Repeat("---,", len(header)-1)+"---", ","))
	for _, row := range rows {
		line(row)
	}
}

// write puts the page and its pictures into a directory.
func (p page) write(dir string) error {
	for _, s := range p.sections {
		for _, picture := range s.pictures {
			data, err := picture.svg()
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, picture.file), data, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(p.markdown()), 0o644)
}

// versus are the cells of a comparison: ours, the other, the ratio.
func versus(ours, base series, show func(float64) (string, string)) []string {
	return []string{ours.spread().text(show), base.spread().text(show), ours.over(base).spread().text(times)}
}
