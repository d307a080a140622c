package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// trial tries mutants against the tests of their packages.
type trial struct {
	temp  string
	limit map[string]time.Duration // of a package's tests
}

// newTrial runs the tests of each package as they are: only where they pass does a failure mean anything.
func newTrial(ctx context.Context, chosen []mutant) (*trial, error) {
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	t := &trial{temp: temp, limit: map[string]time.Duration{}}
	for _, m := range chosen {
		if t.limit[m.dir] != 0 {
			continue
		}
		binary := filepath.Join(temp, "unchanged.test")
		if said, err := compile(ctx, m.dir, binary, ""); err != nil {
			return nil, errors.Join(fmt.Errorf("%s does not compile: %w\n%s", m.dir, err, said), t.close())
		}
		began := time.Now()
		if said, err := test(ctx, m.dir, binary, 5*time.Minute); err != nil {
			return nil, errors.Join(fmt.Errorf("the tests of %s fail without a mutation: %w\n%s", m.dir, err, said), t.close())
		}
		t.limit[m.dir] = max(20*time.Second, 5*time.Since(began))
	}
	return t, nil
}

func (t *trial) close() error { return os.RemoveAll(t.temp) }

// all tries mutants, so many at a time, and yields each outcome as it comes.
func (t *trial) all(ctx context.Context, chosen []mutant, jobs int) iter.Seq[verdict] {
	return func(yield func(verdict) bool) {
		next, done := make(chan mutant), make(chan verdict)
		var workers sync.WaitGroup
		for worker := range max(1, jobs) {
			workers.Go(func() {
				for m := range next {
					done <- t.one(ctx, m, filepath.Join(t.temp, fmt.Sprint(worker)))
				}
			})
		}
		go func() {
			defer close(next)
			for _, m := range chosen {
				select {
				case next <- m:
				case <-ctx.Done():
					return
				}
			}
		}()
		go func() { workers.Wait(); close(done) }()
		more := true
		for v := range done {
			more = more && ctx.Err() == nil && yield(v)
		}
	}
}

var firstFailure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// one tries a mutant with files in its own folder.
func (t *trial) one(ctx context.Context, m mutant, dir string) verdict {
	began := time.Now()
	v := verdict{mutant: m}
	binary, overlay, err := place(m, dir)
	if err != nil {
		v.outcome, v.detail = broken, err.Error()
		return v
	}
	if said, err := compile(ctx, m.dir, binary, overlay); err != nil {
		v.outcome, v.detail = uncompiled, lastLine(said)
	} else if said, err = test(ctx, m.dir, binary, t.limit[m.dir]); err == nil {
		v.outcome = survived
	} else {
		v.outcome = killed
		v.detail = "the tests did not end as they should"
		if name := firstFailure.FindSubmatch(said); name != nil {
			v.detail = string(name[1])
		}
	}
	v.took = time.Since(began)
	return v
}

// place writes the mutant's source and the overlay that puts it before the compiler.
func place(m mutant, dir string) (binary, overlay string, err error) {
	source, err := m.source()
	if err != nil {
		return "", "", err
	}
	replacement := filepath.Join(dir, filepath.Base(m.path))
	overlay = filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {m.path: replacement}})
	err = errors.Join(err, os.MkdirAll(dir, 0o700), os.WriteFile(replacement, source, 0o600), os.WriteFile(overlay, text, 0o600))
	return filepath.Join(dir, "mutant.test"), overlay, err
}

func compile(ctx context.Context, dir, binary, overlay string) ([]byte, error) {
	args := []string{"test", "-c", "-vet=off", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	command := exec.CommandContext(ctx, "go", append(args, ".")...)
	command.Dir = dir
	return command.CombinedOutput()
}

func test(ctx context.Context, dir, binary string, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "-test.failfast", "-test.timeout="+limit.String())
	command.Dir = dir
	command.WaitDelay = time.Second
	return command.CombinedOutput()
}

func lastLine(said []byte) string {
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	return string(lines[len(lines)-1])
}
