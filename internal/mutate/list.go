package main

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// entry is a line of the list.
type entry struct{ id, text, why, equivalent string }

type list []entry

const equivalentMark = "equivalent: "

func readList(name string) (list, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var l list
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) < 3 || len(columns) > 4 || strings.Count(columns[0], ":") != 2 || columns[1] == "" || columns[2] == "" {
			return nil, fmt.Errorf("%s:%d: must be file:function:operator, text and why, separated by tabs", name, number)
		}
		e := entry{id: columns[0], text: columns[1], why: columns[2]}
		if len(columns) == 4 {
			why, is := strings.CutPrefix(columns[3], equivalentMark)
			if !is || why == "" {
				return nil, fmt.Errorf("%s:%d: the fourth column must be %q and a reason", name, number, equivalentMark)
			}
			e.equivalent = why
		}
		l = append(l, e)
	}
	return l, lines.Err()
}

func (e entry) parts() (file, function, operator string) {
	parts := strings.SplitN(e.id, ":", 3)
	return parts[0], parts[1], parts[2]
}

// is tells how well a mutant fits the line: 0 not at all, else more for the same function and the same file. Code may move
// inside of its package; its text and what is done to it must stay.
func (e entry) is(m mutant) int {
	file, function, operator := e.parts()
	if operator != m.operator || e.text != m.text || path.Dir(file) != path.Dir(m.file) {
		return 0
	}
	fit := 1
	if function == m.function {
		fit += 2
	}
	if file == m.file {
		fit++
	}
	return fit
}

// find returns the mutants of the lines that are wanted, and the lines that have none.
func (l list) find(wanted *regexp.Regexp) (found []mutant, stale []entry, err error) {
	all := map[string][]mutant{} // by package
	for _, e := range l {
		if !wanted.MatchString(e.id) {
			continue
		}
		file, _, _ := e.parts()
		dir := "./" + path.Dir(file)
		if _, seen := all[dir]; !seen {
			if _, statErr := os.Stat(dir); statErr != nil {
				all[dir] = nil
			} else if all[dir], err = enumerate([]string{dir}, regexp.MustCompile("")); err != nil {
				return nil, nil, err
			}
		}
		if m, found, err := e.replaced(dir); err != nil {
			return nil, nil, err
		} else if found {
			all[dir] = append(all[dir], m)
		}
		best, fit := mutant{}, 0
		for _, m := range all[dir] {
			if n := e.is(m); n > fit {
				best, fit = m, n
			}
		}
		if fit == 0 {
			stale = append(stale, e)
			continue
		}
		best.equivalent = e.equivalent
		found = append(found, best)
	}
	return found, stale, nil
}

// replaced is the mutant of a line with the operator replace, whose text is "old => new": the only place in the package where
// the old text stands becomes the new one.
func (e entry) replaced(dir string) (m mutant, found bool, err error) {
	_, function, operator := e.parts()
	before, after, is := strings.Cut(e.text, " => ")
	if operator != "replace" || !is || before == "" {
		return m, false, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return m, false, err
	}
	places := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return m, false, err
		}
		n := strings.Count(string(source), before)
		if places += n; n == 0 {
			continue
		}
		full, err := filepath.Abs(name)
		if err != nil {
			return m, false, err
		}
		at := strings.Index(string(source), before)
		m = mutant{
			file: filepath.ToSlash(filepath.Clean(name)), function: function, operator: operator, text: e.text,
			line: 1 + strings.Count(string(source[:at]), "\n"), dir: filepath.Dir(full), path: full,
			from: at, to: at + len(before), replacement: after,
		}
	}
	return m, places == 1, nil
}

// equivalent is the reason of the line that fits a mutant.
func (l list) equivalent(m mutant) string {
	why, fit := "", 0
	for _, e := range l {
		if n := e.is(m); n > fit {
			why, fit = e.equivalent, n
		}
	}
	return why
}
