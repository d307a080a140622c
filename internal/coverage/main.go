// Command coverage merges cover profiles and prints the share of covered statements of each package.
package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// block is a piece of code: file and position, with its number of statements.
type block struct {
	place      string
	statements int
}

func main() {
	covered := map[block]bool{}
	for _, file := range os.Args[1:] {
		if err := read(file, covered); err != nil {
			fmt.Fprintln(os.Stderr, "coverage:", err)
			os.Exit(1)
		}
	}
	if len(covered) == 0 {
		fmt.Fprintln(os.Stderr, "coverage: the profiles hold no statement: nothing was measured")
		os.Exit(1)
	}
	type sum struct{ hit, all int }
	packages := map[string]sum{}
	for b, hit := range covered {
		file, _, _ := strings.Cut(b.place, ":")
		s := packages[path.Dir(file)]
		s.all += b.statements
		if hit {
			s.hit += b.statements
		}
		packages[path.Dir(file)] = s
	}
	for _, p := range slices.Sorted(maps.Keys(packages)) {
		s := packages[p]
		fmt.Printf("%5.1f %%  %s\n", 100*float64(s.hit)/float64(s.all), p)
	}
}

// read adds a profile: a block is covered if any run covered it.
func read(file string, covered map[block]bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "mode:") {
			continue
		}
		var b block
		var count int
		if _, err := fmt.Sscan(lines.Text(), &b.place, &b.statements, &count); err != nil {
			return fmt.Errorf("%s: %q: %w", file, lines.Text(), err)
		}
		covered[b] = covered[b] || count > 0
	}
	return lines.Err()
}
