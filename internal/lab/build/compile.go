//go:build linux

package build

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// compile builds the module in dir, which is called what, and reports how far it is.
func compile(what, dir, to string, r *progress.Reporter) error {
	work, err := store.TempDir(filepath.Dir(filepath.Dir(to))) // the compiler's, beside the entry: removed after a kill too
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	e := estimate{what: what, began: time.Now()}
	defer progress.Every(func() { r.Update("%s", e.text(time.Now())) })()
	if err := e.list(dir); err != nil {
		return err
	}
	r.Say("%s", e.plan())
	cmd := goCommand(dir, append(append([]string{"build", "-v"}, flags...), "-o", to, ".")...)
	cmd.Env = append(cmd.Env, "GOTMPDIR="+work)
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	complaints := watch(output, e.compiling) // until the end of its output, which is the end of the build
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, complaints)
	}
	r.Say("built in %s", progress.About(time.Since(e.began)))
	return nil
}

// maxComplaints bounds what is kept of a compiler's errors.
const maxComplaints = 64 << 10

// watch tells each import path that go build -v prints, and returns all other lines: headings and errors.
func watch(r io.Reader, compiling func(path string)) string {
	var complaints strings.Builder
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		switch text := strings.TrimSuffix(line, "\n"); {
		case text == "":
		case strings.ContainsAny(text, " \t:#"):
			if complaints.Len() < maxComplaints {
				complaints.WriteString(text + "\n")
			}
		default:
			compiling(text)
		}
		if err != nil {
			return complaints.String()
		}
	}
}
