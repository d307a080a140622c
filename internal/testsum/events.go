package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// event is a line of go test -json (go doc test2json) or go build -json (go help buildjson).
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

// pkg is a package whose tests run.
type pkg struct {
	name                    string
	passed, failed, skipped int
	said                    map[string]*strings.Builder // by test; "" is what belongs to none
	last                    string                      // last line of said[""] that is not go test's own
	unguarded               string
}

const guardIdle = "guard: did not run: "

// read follows a run, prints each package when it ends and what it says outside of tests at once, and returns the counts.
func read(events io.Reader, out io.Writer) (summary, error) {
	var sum summary
	running := map[string]*pkg{}
	builds := map[string]*strings.Builder{}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprint(out, line) // not an event: go itself complains
			} else {
				sum.take(e, running, builds, out)
			}
		}
		if err == io.EOF {
			break
		} else if err != nil {
			return sum, err
		}
	}
	for _, p := range running { // go test itself was ended
		sum.Failed++
		fmt.Fprintf(out, "FAIL\t%s\tdid not end\n%s", p.name, p.output(""))
	}
	return sum, nil
}

func (s *summary) take(e event, running map[string]*pkg, builds map[string]*strings.Builder, out io.Writer) {
	if e.Package == "" {
		if e.Action == "build-output" {
			collect(builds, e.ImportPath, e.Output)
		}
		return
	}
	p := running[e.Package]
	if p == nil {
		p = &pkg{name: e.Package, said: map[string]*strings.Builder{}}
		running[e.Package] = p
	}
	switch {
	case e.Action == "output":
		p.hear(e, out)
	case e.Test != "":
		s.test(e, p)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		delete(running, e.Package)
		if e.FailedBuild != "" {
			fmt.Fprint(out, text(builds, e.FailedBuild))
		}
		s.end(e, p, out)
	}
}

func (s *summary) test(e event, p *pkg) {
	switch e.Action {
	case "pass":
		s.Passed++
		p.passed++
	case "fail":
		s.Failed++
		p.failed++
		return // its output is printed with the package
	case "skip":
		s.skip(reason(p.output(e.Test)), short(p.name)+" "+e.Test)
		p.skipped++
	default:
		return
	}
	delete(p.said, e.Test)
}

func (s *summary) end(e event, p *pkg, out io.Writer) {
	if p.unguarded != "" {
		s.unguarded(p.unguarded, 1)
	}
	took := fmt.Sprintf("%.2fs", e.Elapsed)
	if e.Elapsed >= slow {
		s.Packages = append(s.Packages, Counts{short(p.name), e.Elapsed, p.passed, p.failed, p.skipped})
	}
	switch {
	case e.Action == "fail":
		if p.failed == 0 {
			s.Failed++
		}
		for _, name := range sortedKeys(p.said) {
			fmt.Fprint(out, p.output(name))
		}
		fmt.Fprintf(out, "FAIL\t%s\t%s\n", p.name, took)
	case e.Action == "skip": // no test files
	case p.passed == 0 && p.skipped == 0:
		why := p.last
		if why == "" {
			why = "it has no test that could run"
		}
		s.idle(p.name, why)
		s.skip(why, short(p.name))
		fmt.Fprintf(out, "none\t%s\t%s\tran no test: %s\n", p.name, took, why)
	case p.passed == 0:
		s.idle(p.name, "all its tests were skipped")
		fmt.Fprintf(out, "none\t%s\t%s\tskipped all %d tests\n", p.name, took, p.skipped)
	case p.skipped > 0:
		fmt.Fprintf(out, "ok  \t%s\t%s\t%d passed, %d skipped\n", p.name, took, p.passed, p.skipped)
	default:
		fmt.Fprintf(out, "ok  \t%s\t%s\t%d passed\n", p.name, took, p.passed)
	}
}

// goTests matches the lines of package output that go test and package testing write themselves.
var goTests = regexp.MustCompile(`^(PASS|FAIL|ok  |exit status |-test\.shuffle |coverage: |testing: warning: |\?   )`)

// hear keeps a line of output; what a package says outside of its tests, such as the progress of a long build, is printed.
func (p *pkg) hear(e event, out io.Writer) {
	if why, idle := strings.CutPrefix(e.Output, guardIdle); idle && e.Test == "" {
		p.unguarded = strings.TrimSpace(why)
	} else if e.Test == "" && !goTests.MatchString(e.Output) {
		if line := strings.TrimSpace(e.Output); line != "" {
			p.last = line
		}
		fmt.Fprint(out, e.Output)
		return
	}
	if e.Test != "" || !strings.HasPrefix(e.Output, "FAIL\t") { // the line of a package is ours to write
		collect(p.said, e.Test, e.Output)
	}
}

func (p *pkg) output(test string) string { return text(p.said, test) }

var place = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// reason is what t.Skip was told, on one line.
func reason(output string) string {
	var words []string
	for line := range strings.Lines(output) {
		switch {
		case strings.HasPrefix(line, "==="), strings.HasPrefix(strings.TrimSpace(line), "--- SKIP"):
			continue
		case place.MatchString(line): // a log line before the last one is not the reason
			words = nil
			line = place.ReplaceAllString(line, "")
		}
		words = append(words, strings.Fields(line)...)
	}
	if len(words) == 0 {
		return "no reason given"
	}
	return strings.Join(words, " ")
}
