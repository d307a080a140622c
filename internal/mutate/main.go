// Command mutate breaks the code in small ways, one at a time, and tells which of them no unit test notices:
//
//	go run ./internal/mutate                                 the pinned mutants of internal/mutate/list.tsv
//	go run ./internal/mutate -run 'secrets/.*:drop-'         those of them whose ID matches
//	go run ./internal/mutate -sample 100 -seed 7 ./probe     a hundred of all mutants of a package
//	go run ./internal/mutate -check                          whether each line of the list still has its place
//	go run ./internal/mutate -print -run redact ./secrets    the mutants there are, as lines for the list
//
// The work tree is never changed: a mutant reaches the compiler through an overlay. Each is tried against the unit tests of its
// own package only, because a test elsewhere that happens to fail guards nothing on purpose.
//
// The list has a mutant per line, in columns separated by a tab: file, function and operator joined by colons; the source text
// that is changed (or "old => new" with the operator replace); why it matters; and, for a mutant that no test can notice, "equivalent: " and the reason. A line whose text
// is in that package no more is stale. The exit code is 1 if a mutant survived that is not equivalent, or if a line is stale or
// does not compile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// usual are the packages that -sample and -print take when none is named.
var usual = []string{
	"./rbac", "./rbac/rbactest", "./secrets", "./probe", "./peering", "./peering/istiod", "./peering/preflight", "./peering/traffic",
	"./internal/invalid", "./internal/printable", "./internal/kube", "./internal/apply", "./internal/rights",
}

type options struct {
	list, run    string
	sample, jobs int
	seed         uint64
	print, check bool
	packages     []string
}

func main() {
	var o options
	flag.StringVar(&o.list, "list", "internal/mutate/list.tsv", "file with pinned mutants and known equivalents")
	flag.StringVar(&o.run, "run", "", "only mutants whose ID (file:function:operator) matches the regular expression")
	flag.IntVar(&o.sample, "sample", 0, "try so many of all mutants of the packages instead of the list")
	flag.Uint64Var(&o.seed, "seed", 1, "which ones -sample takes")
	flag.IntVar(&o.jobs, "j", 2, "mutants that are tried at the same time")
	flag.BoolVar(&o.print, "print", false, "print the mutants of the packages and try none")
	flag.BoolVar(&o.check, "check", false, "find the places of the list and try none")
	flag.Parse()
	o.packages = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	wanted, err := regexp.Compile(o.run)
	if err != nil {
		return err
	}
	pinned, err := readList(o.list)
	if err != nil {
		return err
	}
	if o.print || o.sample > 0 {
		if len(o.packages) == 0 {
			o.packages = usual
		}
		all, err := enumerate(o.packages, wanted)
		if err != nil {
			return err
		}
		if o.print {
			for _, m := range all {
				fmt.Fprintf(out, "%s\t%s\t\n", m.id(), m.text)
			}
			return nil
		}
		random := rand.New(rand.NewPCG(o.seed, 0))
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		chosen := all[:min(o.sample, len(all))]
		for i := range chosen {
			chosen[i].equivalent = pinned.equivalent(chosen[i])
		}
		fmt.Fprintf(out, "%d of %d mutants, seed %d\n", len(chosen), len(all), o.seed)
		return try(ctx, chosen, nil, o.jobs, out)
	}
	if len(o.packages) > 0 {
		return errors.New("packages go with -sample or -print; the list has its own")
	}
	chosen, stale, err := pinned.find(wanted)
	if err != nil {
		return err
	}
	if o.check {
		fmt.Fprintf(out, "%d lines have their place, %d are stale\n", len(chosen), len(stale))
		for _, e := range stale {
			fmt.Fprintf(out, "%s\t%s\n", e.id, e.text)
		}
		return tally{tried: len(chosen), stale: len(stale)}.err()
	}
	return try(ctx, chosen, stale, o.jobs, out)
}

// try tries the mutants, tells of each, and returns an error unless all is well.
func try(ctx context.Context, chosen []mutant, stale []entry, jobs int, out io.Writer) error {
	began := time.Now()
	for _, e := range stale {
		fmt.Fprintf(out, "stale          %s: there is no such text: %s\n", e.id, e.text)
	}
	t, err := newTrial(ctx, chosen)
	if err != nil {
		return err
	}
	defer t.close()
	var count tally
	count.stale = len(stale)
	for v := range t.all(ctx, chosen, jobs) {
		count.add(v)
		fmt.Fprintf(out, "%3d/%d  %s\n", count.tried, len(chosen), v)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s in %.0f s\n", count, time.Since(began).Seconds())
	return count.err()
}
