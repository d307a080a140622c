//go:build linux

package build

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/progress"
)

// Seen on two cores: 3717 packages in 7.5 minutes, then the linker alone.
const (
	perPackage = 7*time.Minute + 30*time.Second
	allOf      = 3717
	linking    = 25 * time.Second
)

// estimate says how far a build is. The go command knows beforehand which packages its cache lacks, and prints each when
// its turn comes.
type estimate struct {
	what  string // is built
	began time.Time

	mu       sync.Mutex
	total    int // packages of the binary; 0: not known yet
	todo     int // of them: to compile
	main     string
	started  int       // of todo
	compiles time.Time // since when
	links    time.Time // since when; zero: not yet
}

// list asks the go command what is to do.
func (e *estimate) list(dir string) error {
	out, err := goCommand(dir, "list", flags[0], "-deps", "-f", "{{.ImportPath}} {{.Stale}}", ".").Output()
	if err != nil {
		return fmt.Errorf("go list: %w%s", err, stderrOf(err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	last := false
	for line := range strings.Lines(string(out)) {
		path, stale, _ := strings.Cut(strings.TrimSpace(line), " ")
		e.total++
		if stale == "true" {
			e.todo++
		}
		last, e.main = stale == "true", path // dependencies come first
	}
	if last { // a program that is not there counts as stale, and its one package is compiled in a moment
		e.todo--
	}
	e.compiles = time.Now()
	return nil
}

// plan is said once, when it is known what is to do.
func (e *estimate) plan() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cached := e.total - e.todo; cached > 0 {
		return fmt.Sprintf("building %s: %d of %d packages to compile, the others are in Go's cache; about %s",
			e.what, e.todo, e.total, progress.About(e.guess()+linking))
	}
	return fmt.Sprintf("building %s: %d packages to compile, about %s", e.what, e.todo, progress.About(e.guess()+linking))
}

// guess is how long todo packages take on a machine of which nothing is known.
func (e *estimate) guess() time.Duration { return perPackage * time.Duration(e.todo) / allOf }

// compiling notes that the compiler starts with a package.
func (e *estimate) compiling(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if path != e.main {
		e.started++
	}
	if path == e.main || e.started == e.todo {
		e.links = time.Now()
	}
}

// text is one line about the present moment.
func (e *estimate) text(now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.total == 0:
		return fmt.Sprintf("building: loading modules, %s", now.Sub(e.began).Round(time.Second))
	case e.todo == 0:
		return link(now.Sub(e.compiles))
	case !e.links.IsZero():
		return link(now.Sub(e.links))
	}
	started := min(e.started, e.todo)
	return fmt.Sprintf("building: %d of %d packages (%d %%), about %s left",
		started, e.todo, 100*started/e.todo, progress.About(e.left(now, started)+linking))
}

// left goes over from the guess to this machine's pace while the first tenth is compiled.
func (e *estimate) left(now time.Time, started int) time.Duration {
	guess := e.guess() * time.Duration(e.todo-started) / time.Duration(e.todo)
	if started == 0 {
		return guess
	}
	pace := now.Sub(e.compiles) * time.Duration(e.todo-started) / time.Duration(started)
	trust := min(1, 10*float64(started)/float64(e.todo))
	return time.Duration(trust*float64(pace) + (1-trust)*float64(guess))
}

// link is what is said when all packages are compiled, or nearly.
func link(elapsed time.Duration) string {
	return fmt.Sprintf("building: linking, %s; the linker takes about %s", elapsed.Round(time.Second), progress.About(linking))
}
