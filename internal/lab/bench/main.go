//go:build linux

// Command bench measures the SDK beside what it is made of: the bare calls that a link needs, istioctl, and a loop in
// memory. Every figure is a ratio of two things that ran in turns in one run, with its spread.
//
//	go run . -docs ../../../docs     # all measures; writes benchmarks.md and its pictures
//	go run . -clusters 5,10 memory   # one measure; prints the page
//
// It fails if a measure cannot run. A promise that is missed is a line of the page and no failure: how fast a machine is
// today is no property of the code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func main() {
	docs := flag.String("docs", "", "write the page and its pictures to `DIR` instead of standard output")
	sizes := flag.String("clusters", "5,10,20,40,70,100", "`NUMBERS` of clusters in memory")
	flag.Usage = usage
	flag.Parse()
	b := &bench{progress: os.Stderr}
	var err error
	if b.sizes, err = numbers(*sizes); err == nil {
		b.chosen, err = choose(flag.Args())
	}
	if err == nil && slices.ContainsFunc(b.chosen, func(m measure) bool { return m.lab }) {
		err = lab.Enter(lab.EnterOptions{})
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		err = b.run(ctx, *docs)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: bench [flags] [measure ...]\n\nmeasures, all by default:")
	for _, m := range measures {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", m.name, m.about)
	}
	fmt.Fprintln(os.Stderr, "\nflags:")
	flag.PrintDefaults()
}

// bench is one run.
type bench struct {
	chosen   []measure
	sizes    []int // numbers of clusters in memory, ascending
	progress io.Writer
}

// run takes the measures and writes the page, to docs or, without it, to standard output.
func (b *bench) run(ctx context.Context, docs string) error {
	if docs != "" {
		if _, err := os.ReadDir(docs); err != nil {
			return fmt.Errorf("-docs: %w", err) // before an hour of work
		}
	}
	page := page{machine: thisMachine(), date: time.Now(), named: len(b.chosen) < len(measures)}
	for _, m := range b.chosen {
		b.say("%s: %s", m.name, m.about)
		found, err := m.take(ctx, b)
		if err != nil {
			page.named = true
			_, _ = io.WriteString(os.Stdout, page.markdown()) // what was found so far is not lost, and no file says that it is all
			return fmt.Errorf("%s: %w", m.name, err)
		}
		page.sections = append(page.sections, found...)
	}
	if docs == "" {
		_, err := io.WriteString(os.Stdout, page.markdown())
		return err
	}
	return page.write(docs)
}

// say tells a person how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// measure is one part of the run.
type measure struct {
	name, about string
	lab         bool // needs real clusters
	take        func(context.Context, *bench) ([]section, error)
}

// measures in the order of the page. Those in memory come first: no control plane takes their cores.
var measures = []measure{
	{"memory", "meshes in memory, beside a loop that does the least", false, inMemory},
	{"link", "one link of two real clusters, beside its bare calls and istioctl", true, oneLink},
	{"mesh", "all 12 links of four real clusters", true, fourClusters},
	{"answer", "from the call to the first answer from another cluster", true, firstAnswer},
}

func choose(names []string) ([]measure, error) {
	var chosen []measure
	for _, m := range measures {
		if len(names) == 0 || slices.Contains(names, m.name) {
			chosen = append(chosen, m)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(measures, func(m measure) bool { return m.name == name }) {
			return nil, fmt.Errorf("no measure %q: bench -h lists them", name)
		}
	}
	return chosen, nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 2 {
			return nil, errors.New("-clusters " + strconv.Quote(list) + ": must be numbers from 2, joined by commas")
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
