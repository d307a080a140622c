//go:build linux

package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// tiny is a module that builds in a moment.
func tiny(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module tiny\n\ngo 1.26.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	return dir
}

func TestKey(t *testing.T) {
	dir := tiny(t)
	of := func(how ...string) string {
		k, err := key(dir, how...)
		require.NoError(t, err)
		require.Len(t, k, 16)
		return k
	}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	first := of("-tags=a")
	require.Equal(t, first, of("-tags=a"))
	require.NotEqual(t, first, of("-tags=b"), "the flags of the compiler")
	require.NotEqual(t, first, of("-tags=a", "GOAMD64=v3"))
	write("main_test.go", "package main")
	write("notes.txt", "nothing")
	require.Equal(t, first, of("-tags=a"), "tests and other files do not matter")
	write("go.mod", "module y")
	second := of("-tags=a")
	require.NotEqual(t, first, second)
	write("main.go", "package  main")
	require.NotEqual(t, second, of("-tags=a"))
	require.Contains(t, how(), "-tags=disable_pgv")
	t.Setenv("GOAMD64", "v3")
	require.Contains(t, how(), "GOAMD64=v3")
}

func TestPrune(t *testing.T) {
	cache := t.TempDir()
	old := time.Now().Add(-keepUnused - time.Hour)
	for _, name := range []string{"run", "current", "unused", "recent", ".build-1"} {
		require.NoError(t, os.Mkdir(filepath.Join(cache, name), 0o700))
		if name != "recent" {
			require.NoError(t, os.Chtimes(filepath.Join(cache, name), old, old))
		}
	}
	require.NoError(t, prune(cache, "current"))
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(cache, "current"), filepath.Join(cache, "recent"), filepath.Join(cache, "run")}, left)
}

// The go command itself, on a module that builds in a moment.
func TestCompile(t *testing.T) {
	dir := tiny(t)
	var out bytes.Buffer
	to := filepath.Join(t.TempDir(), "entry", Name)
	require.NoError(t, os.Mkdir(filepath.Dir(to), 0o700))
	require.NoError(t, compile("tiny", dir, to, progress.New(&out)))
	require.FileExists(t, to)
	require.Contains(t, out.String(), "packages to compile")
	require.Contains(t, out.String(), "lab: built in ")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { undefinedName() }\n"), 0o600))
	require.ErrorContains(t, compile("tiny", dir, to, progress.New(io.Discard)), "undefinedName")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(to)), ".partial-*"))
	require.NoError(t, err)
	require.Empty(t, left, "the compiler's work")
}

func TestWatch(t *testing.T) {
	var paths []string
	long := strings.Repeat("x", 1<<20)
	complaints := watch(strings.NewReader("fmt\nk8s.io/api/core/v1\n# tiny\n./main.go:3:15: undefined: "+long+"\nlast/one"),
		func(path string) { paths = append(paths, path) })
	require.Equal(t, []string{"fmt", "k8s.io/api/core/v1", "last/one"}, paths)
	require.Contains(t, complaints, "# tiny\n./main.go:3:15: undefined: xxx")
}

// What a build of eight minutes says, a line every 15 seconds: never backwards, never more than all, and the linker by name.
func TestEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := progress.New(&out)
		e := &estimate{began: time.Now()}
		stop := progress.Every(func() { r.Update("%s", e.text(time.Now())) })
		time.Sleep(20 * time.Second) // modules are fetched
		e.mu.Lock()
		e.total, e.todo, e.main, e.compiles = 1000, 800, "main", time.Now()
		e.mu.Unlock()
		require.Contains(t, e.plan(), "800 of 1000 packages to compile, the others are in Go's cache; about 2 minutes")
		for i := range 800 { // half as fast as the guess
			time.Sleep(2 * perPackage / allOf)
			e.compiling(fmt.Sprint(i))
		}
		e.compiling("main")
		time.Sleep(40 * time.Second)
		stop()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, (20+193+40)/15)
		require.Contains(t, lines[0], "loading modules")
		last := -1
		for _, line := range lines[1 : len(lines)-2] {
			var n, of, percent int
			_, err := fmt.Sscanf(line, "lab: building: %d of %d packages (%d %%)", &n, &of, &percent)
			require.NoError(t, err, line)
			require.Equal(t, 800, of)
			require.GreaterOrEqual(t, n, last)
			require.LessOrEqual(t, percent, 100)
			require.Contains(t, line, "left")
			last = n
		}
		require.Contains(t, lines[6], "about 2 minutes left", "half of it, at the pace of this machine")
		require.Contains(t, lines[len(lines)-1], "building: linking")
	})
}

// Where all packages are in Go's cache only the linker works: at once, and without a division by zero.
func TestEstimateOfLinkingOnly(t *testing.T) {
	e := estimate{began: time.Now(), total: 3717, compiles: time.Now()}
	require.Contains(t, e.text(time.Now()), "linking")
	require.Contains(t, e.plan(), "0 of 3717 packages to compile")
}

// The go command calls a program that is not there stale; on a second build nothing is left to compile but the linker's work.
func TestEstimateOfASecondBuild(t *testing.T) {
	dir := tiny(t)
	out := filepath.Join(t.TempDir(), "entry", Name)
	require.NoError(t, os.Mkdir(filepath.Dir(out), 0o700))
	require.NoError(t, compile("tiny", dir, out, progress.New(io.Discard)))
	e := estimate{began: time.Now()}
	require.NoError(t, e.list(dir))
	require.Equal(t, "tiny", e.main)
	require.Zero(t, e.todo)
	require.Greater(t, e.total, 10)
	require.Contains(t, e.text(time.Now()), "linking")
}

// fake is a binary in a new store, whose compiler only counts.
func fake(t *testing.T, cache, source string, compiled *int) Binary {
	t.Helper()
	b, err := look(cache, source)
	require.NoError(t, err)
	b.compile = func(_, _, to string, _ *progress.Reporter) error {
		*compiled++
		return os.WriteFile(to, []byte("#!/bin/sh\n"), 0o700)
	}
	b.assemble = func(_, to string) error { return os.WriteFile(filepath.Join(to, IstioCRDs), []byte("---\n"), 0o600) }
	return b
}

// A damaged entry is built again, once; the next run finds it whole.
func TestBuildHeals(t *testing.T) {
	for name, spoil := range map[string]func(b Binary) error{
		"no entry":         func(b Binary) error { return os.RemoveAll(filepath.Dir(b.Path)) },
		"without binary":   func(b Binary) error { return os.Remove(b.Path) },
		"truncated binary": func(b Binary) error { return os.Truncate(b.Path, 2) },
		"other binary":     func(b Binary) error { return os.WriteFile(b.Path, []byte("#!/bin/no\n"), 0o700) },
		"not executable":   func(b Binary) error { return os.Chmod(b.Path, 0o600) },
		"a directory": func(b Binary) error {
			return errors.Join(os.Remove(b.Path), os.MkdirAll(filepath.Join(b.Path, "in", "the", "way"), 0o700))
		},
		"without the CRDs": func(b Binary) error { return os.Remove(filepath.Join(filepath.Dir(b.Path), IstioCRDs)) },
	} {
		t.Run(name, func(t *testing.T) {
			cache, source, compiled := t.TempDir(), tiny(t), 0
			var out bytes.Buffer
			b := fake(t, cache, source, &compiled)
			require.NoError(t, b.Build(progress.New(&out)))
			require.Empty(t, out.String(), "nothing was damaged yet")
			require.NoError(t, fake(t, cache, source, &compiled).Missing)

			require.NoError(t, spoil(b))
			b = fake(t, cache, source, &compiled)
			require.Error(t, b.Missing)
			require.NoError(t, b.Build(progress.New(&out)))
			require.Equal(t, name != "no entry", strings.Contains(out.String(), "built again"), out.String())
			require.LessOrEqual(t, strings.Count(out.String(), "\n"), 1)
			require.NoError(t, fake(t, cache, source, &compiled).Missing)
			require.NoError(t, fake(t, cache, source, &compiled).Build(progress.New(&out)))
			require.Equal(t, 2, compiled)
		})
	}
}

// Two at once compile once.
func TestBuildWaitsForAnother(t *testing.T) {
	cache, source, compiled := t.TempDir(), tiny(t), 0
	second := fake(t, cache, source, &compiled)
	first := fake(t, cache, source, &compiled)
	plain := first.compile
	done := make(chan error, 1)
	first.compile = func(what, source, to string, r *progress.Reporter) error {
		go func() { done <- second.Build(progress.New(io.Discard)) }()
		return plain(what, source, to, r)
	}
	require.NoError(t, first.Build(progress.New(io.Discard)))
	require.NoError(t, <-done)
	require.Equal(t, 1, compiled)
}

func TestBuildOnAFullDisk(t *testing.T) {
	compiled := 0
	b := fake(t, t.TempDir(), tiny(t), &compiled)
	b.compile = func(string, string, string, *progress.Reporter) error {
		return errors.New("go build: exit status 1\n# k8s.io/api\nwrite $WORK/b1: no space left on device\ngoroutine 1 [running]:")
	}
	err := b.Build(progress.New(io.Discard))
	require.ErrorIs(t, err, store.ErrFull)
	require.NotContains(t, err.Error(), "\n")
	left, err := filepath.Glob(filepath.Join(b.cache, ".partial-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestGiven(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "mine")
	t.Setenv(Env, bin)
	_, err := Look(t.TempDir())
	require.ErrorContains(t, err, Env+": stat "+bin)
	for _, name := range []string{"mine", IstioCRDs, GatewayCRDs} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o700))
	}
	_, err = Look(t.TempDir())
	require.ErrorContains(t, err, EnvoyBootstrap, "the files beside it are needed as well")
	require.NoError(t, os.WriteFile(filepath.Join(dir, EnvoyBootstrap), nil, 0o600))
	b, err := Look(t.TempDir())
	require.NoError(t, err)
	require.Equal(t, bin, b.Path)
	require.NoError(t, b.Missing)
}

// With -trimpath the program does not know its source; the go command does, from a module that requires the lab.
func TestLocate(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	lab := filepath.Dir(here)
	want := filepath.Join(lab, "controlplane")
	for name, noted := range map[string]string{"as compiled": lab, "trimmed": labModule, "moved": "/nowhere/internal/lab"} {
		got, err := locate(noted, ".")
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	_, err = locate(labModule, t.TempDir())
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "-trimpath")
	_, err = locate("/nowhere/internal/lab", t.TempDir())
	require.ErrorContains(t, err, "not at /nowhere/internal/lab any more")
}

// The real thing: this test, compiled with -trimpath, finds the source too.
func TestTrimmedProgram(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-count=1", "-run", "^TestLocate$", ".")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestRoom(t *testing.T) {
	cache := t.TempDir()
	tight, err := Room(cache)
	if err == nil && tight != "" {
		t.Logf("this machine: %s", tight)
	}
	require.Less(t, uint64(Disk), uint64(10*1024*store.MB))
}

func TestFindRelease(t *testing.T) {
	for name, want := range map[string]string{"": "1.31.0-lab", "1.31": "1.31.0-lab", "1.29.1": "1.29.1", "1.29": "1.29.1"} {
		r, err := FindRelease(name)
		require.NoError(t, err, name)
		require.Equal(t, want, r.Tag, name)
		require.Equal(t, want == "1.31.0-lab", r.Default(), name)
	}
	for _, name := range []string{"1.2", "1.29.", "1.29.10", "latest"} {
		_, err := FindRelease(name)
		require.EqualError(t, err, `no Istio "`+name+`": there are 1.29.1, 1.31`)
	}
}

// Each release is an entry of its own, which changes with all that it is made of.
func TestLookRelease(t *testing.T) {
	cache, seen := t.TempDir(), map[string]string{}
	for _, r := range Releases() {
		if r.Default() {
			continue
		}
		b, err := LookRelease(cache, r)
		require.NoError(t, err)
		require.Error(t, b.Missing)
		require.Equal(t, cache, filepath.Dir(filepath.Dir(b.Path)))
		require.Empty(t, seen[b.Path])
		seen[b.Path] = r.Name
		r.Sum += "x"
		other, err := LookRelease(cache, r)
		require.NoError(t, err)
		require.NotEqual(t, b.Path, other.Path)
	}
}

// The program of a release is compiled in a module that is written for it and gone afterwards.
func TestBuildUnpacks(t *testing.T) {
	cache := t.TempDir()
	b, err := LookRelease(cache, Releases()[0])
	require.NoError(t, err)
	var in string
	b.unpack = func(dir string) error {
		in = dir
		return os.WriteFile(filepath.Join(dir, "go.mod"), nil, 0o600)
	}
	b.compile = func(what, source, to string, _ *progress.Reporter) error {
		require.Equal(t, "Istio 1.29.1", what)
		require.FileExists(t, filepath.Join(source, "go.mod"))
		return os.WriteFile(to, []byte("#!/bin/sh\n"), 0o700)
	}
	b.assemble = func(source, _ string) error {
		require.Equal(t, in, source)
		return nil
	}
	require.NoError(t, b.Build(progress.New(io.Discard)))
	require.NoDirExists(t, in)
	b, err = LookRelease(cache, Releases()[0])
	require.NoError(t, err)
	require.NoError(t, b.Missing)

	require.NoError(t, os.Remove(b.Path))
	b.Missing = os.ErrNotExist
	b.unpack = func(string) error { return errors.New("not to be had") }
	require.EqualError(t, b.Build(progress.New(io.Discard)), "build Istio 1.29.1: not to be had")
}
