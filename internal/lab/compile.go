//go:build linux

package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// buildTags are Istio's own (its Makefile.core.mk): without the validators of protoc-gen-validate, which nothing calls,
// the binary is smaller and built sooner.
const buildTags = "disable_pgv"

// compile builds the module in dir and says every few seconds how far it is: the first time takes minutes.
func compile(dir, to string, say func(string, ...any)) error {
	began := time.Now()
	say("building kube-apiserver, etcd and istiod: about 7 minutes the first time, seconds when Go has them in its cache")
	var total, compiled atomic.Int64
	defer every(3*time.Second, func() {
		elapsed := time.Since(began).Round(time.Second)
		if total.Load() == 0 {
			say("building: loading modules, %s", elapsed)
			return
		}
		say("building: %d of at most %d packages compiled, %s", compiled.Load(), total.Load(), elapsed)
	})()
	list, err := goCommand(dir, "list", "-tags="+buildTags, "-deps", ".").Output()
	if err != nil {
		return fmt.Errorf("go list: %w%s", err, stderrOf(err))
	}
	total.Store(int64(bytes.Count(list, []byte("\n"))))
	cmd := goCommand(dir, "build", "-v", "-tags="+buildTags, "-ldflags=-s -w", "-o", to, ".")
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	complaints := countPackages(output, &compiled) // until the end of its output, which is the end of the build
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, complaints)
	}
	say("built in %s", time.Since(began).Round(time.Second))
	return nil
}

// every calls tell again and again until the function that it returns is called.
func every(pause time.Duration, tell func()) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-gone }
}

// countPackages counts the import paths that go build -v prints and returns all other lines: headings and errors.
func countPackages(r io.Reader, compiled *atomic.Int64) string {
	var complaints strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if strings.ContainsAny(line, " \t:#") {
			complaints.WriteString(line + "\n")
			continue
		}
		compiled.Add(1)
	}
	return complaints.String()
}

// stderrOf is what a command that was run with Output said.
func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}
