//go:build linux

package ending_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

var modes = []string{"namespace", "loopback"}

func inMode(mode string) func(*run) {
	return func(r *run) { r.cmd.Env = append(r.cmd.Env, lab.EnvMode+"="+mode) }
}

// supervisor is the process that the test started, inside the program that it re-executed.
func (r *run) supervisor() int { return r.cmd.Process.Pid }

// inside is the program in the lab; where it is in a namespace of its own it is PID 1 there.
func (r *run) inside(t *testing.T) int {
	t.Helper()
	for pid := range r.processes(t) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && strings.Contains(string(env), "MESHPEER_LAB_STAGE=inside") {
			return pid
		}
	}
	require.Fail(t, "no program inside")
	return 0
}

// alive describes what still runs.
func (r *run) alive(t *testing.T) (lines []string) {
	t.Helper()
	for pid, line := range r.processes(t) {
		lines = append(lines, fmt.Sprintf("process %d: %s", pid, line))
	}
	return lines
}

// inhabited finds state directories whose lock is held: a dying process has no environment any more but files still.
func (r *run) inhabited(t *testing.T) (dirs []string) {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(r.home, "meshpeer", "lab", "run", "*", "lock"))
	require.NoError(t, err)
	for _, name := range locks {
		file, err := os.Open(name)
		require.NoError(t, err)
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			dirs = append(dirs, filepath.Dir(name))
		}
		require.NoError(t, file.Close())
	}
	return dirs
}

// traces are what a lab could leave on the host.
func (r *run) traces(t *testing.T) []string {
	t.Helper()
	all := r.alive(t)
	dirs, err := filepath.Glob(filepath.Join(r.home, "meshpeer", "lab", "run", "*"))
	require.NoError(t, err)
	all = append(all, dirs...)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	if strings.Contains(string(mounts), r.home) {
		all = append(all, "a mount below "+r.home)
	}
	links, err := filepath.Glob("/sys/class/net/lab*")
	require.NoError(t, err)
	return append(all, links...)
}

// requireNothingLeft gives the kernel and the janitor a moment.
func (r *run) requireNothingLeft(t *testing.T) {
	t.Helper()
	requireNone(t, r.traces)
}

func requireNone(t *testing.T, find func(*testing.T) []string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for left := find(t); len(left) > 0; left = find(t) {
		require.True(t, time.Now().Before(deadline), "left behind: %q", left)
		time.Sleep(20 * time.Millisecond)
	}
}

func TestNothingIsLeft(t *testing.T) {
	ends := map[string]struct {
		end  func(*testing.T, *run)
		code int
	}{
		"killed supervisor": {func(t *testing.T, r *run) { kill(t, r.supervisor(), syscall.SIGKILL) }, -1},
		"killed program":    {func(t *testing.T, r *run) { kill(t, r.inside(t), syscall.SIGKILL) }, 128 + 9},
		"killed both": {func(t *testing.T, r *run) {
			inside := r.inside(t)
			kill(t, r.supervisor(), syscall.SIGKILL)
			_ = syscall.Kill(inside, syscall.SIGKILL) // it may be dead by now
		}, -1},
		"Ctrl-C":     {func(t *testing.T, r *run) { kill(t, -r.supervisor(), syscall.SIGINT) }, 0},
		"terminated": {func(t *testing.T, r *run) { kill(t, r.supervisor(), syscall.SIGTERM) }, 0},
	}
	for _, mode := range modes {
		for name, tc := range ends {
			t.Run(mode+"/"+name, func(t *testing.T) {
				r := start(t, startsLab, inMode(mode))
				require.Equal(t, mode == "loopback", r.loopback)
				// supervisor, program, janitor, etcd, kube-apiserver, kube-controller-manager
				require.Equal(t, 6, len(r.processes(t)))
				tc.end(t, r)
				require.Equal(t, tc.code, r.await(t))
				r.requireNothingLeft(t)
			})
		}
	}
}

func kill(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, s))
}

func TestNothingIsLeftOfIstiods(t *testing.T) {
	r := start(t, startsAll, nil)
	require.Equal(t, 3+2*3+3, len(r.processes(t)))
	kill(t, r.supervisor(), syscall.SIGKILL)
	r.await(t)
	r.requireNothingLeft(t)
}

// A killed `go test` or `go run` tells its child nothing; the supervisor sees that its parent is another one.
func TestKilledParent(t *testing.T) {
	r := start(t, startsLab, underShell)
	kill(t, r.cmd.Process.Pid, syscall.SIGKILL)
	r.requireNothingLeft(t)
}

// underShell puts a shell between the test and the supervisor; it stays, because it has more to do.
func underShell(r *run) {
	r.cmd.Args = []string{"sh", "-c", `"$0"; true`, r.cmd.Path}
	r.cmd.Path = "/bin/sh"
}

// When even the janitor is killed the next lab cleans up.
func TestSweep(t *testing.T) {
	r := start(t, startsLab, nil)
	for pid := range r.processes(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	requireNone(t, r.inhabited)
	require.Len(t, r.traces(t), 1, "the state directory: only this is the case under test")
	next := start(t, entersOnly, func(next *run) {
		next.home = r.home
		next.cmd.Env = append(next.cmd.Env, "HOME="+r.home, "XDG_CACHE_HOME="+r.home)
	})
	kill(t, next.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, next.await(t), "the program's exit code")
	r.requireNothingLeft(t)
}
