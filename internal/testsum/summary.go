package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// summary counts tests, their subtests and examples. A package that fails without a failed test, or that runs no test, counts
// as one.
type summary struct {
	Counts                        // of the run as a whole
	Packages  []Counts            // those that took long
	Reasons   map[string][]string // why tests were skipped, and which
	Idle      map[string]string   // packages that ran no test or skipped all, and why
	Unguarded map[string]int      // why the guard did not run, and for how many packages
}

// Counts are a line of the table.
type Counts struct {
	Name                    string  // a part of make test, or a package
	Seconds                 float64 // that it took; of a part also what was compiled for it
	Passed, Failed, Skipped int
}

func (s *summary) skip(reason, test string) {
	s.Skipped++
	if s.Reasons == nil {
		s.Reasons = map[string][]string{}
	}
	s.Reasons[reason] = append(s.Reasons[reason], test)
}

func (s *summary) idle(name, reason string) {
	if s.Idle == nil {
		s.Idle = map[string]string{}
	}
	s.Idle[name] = reason
}

func (s *summary) unguarded(reason string, packages int) {
	if s.Unguarded == nil {
		s.Unguarded = map[string]int{}
	}
	s.Unguarded[reason] += packages
}

func (s *summary) add(other summary) {
	s.Passed += other.Passed
	s.Failed += other.Failed
	for reason, tests := range other.Reasons {
		for _, test := range tests {
			s.skip(reason, test)
		}
	}
	for name, reason := range other.Idle {
		s.idle(name, reason)
	}
	for reason, n := range other.Unguarded {
		s.unguarded(reason, n)
	}
}

func (s *summary) append(path string) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

// write prints the reasons, the biggest group first, and the line that counts.
func (s *summary) write(out io.Writer) {
	for _, reason := range slices.Sorted(maps.Keys(s.Unguarded)) {
		fmt.Fprintf(out, "not guarded, %s: %s\n", packages(s.Unguarded[reason]), reason)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Idle)) {
		fmt.Fprintf(out, "ran no test: %s: %s\n", name, s.Idle[name])
	}
	reasons := slices.SortedFunc(maps.Keys(s.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(s.Reasons[b]), len(s.Reasons[a])), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		tests := s.Reasons[reason]
		shown, more := tests, ""
		if len(tests) > 5 {
			shown, more = tests[:4], fmt.Sprintf(" and %d more", len(tests)-4)
		}
		fmt.Fprintf(out, "skipped, %d: %s (%s%s)\n", len(tests), reason, strings.Join(shown, ", "), more)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", s.Passed, s.Failed, s.Skipped)
}

func packages(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}
