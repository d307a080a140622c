//go:build linux

package ending_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("it takes root to act as another user or to mount a small disk")
	}
}

// with adds to the program's environment.
func (r *run) with(variables ...string) *run {
	r.cmd.Env = append(r.cmd.Env, variables...)
	return r
}

// fails waits for the end of a program that cannot enter, and returns the one line that it says.
func (r *run) fails(t *testing.T) string {
	t.Helper()
	r.launch(t)
	select {
	case <-r.ended:
	case <-time.After(patience):
		require.Fail(t, "the program does not end", r.said())
	}
	require.Equal(t, 1, r.cmd.ProcessState.ExitCode(), r.said())
	require.NotContains(t, r.said(), "goroutine")
	return r.said()
}

// What another user put where the cache of this one is expected is not run. Without a go command nothing can be built in
// its place, so that the program must end.
func TestPlantedCache(t *testing.T) {
	needsRoot(t)
	bin, err := binary()
	require.NoError(t, err)
	key := filepath.Base(filepath.Dir(bin))
	const stranger = 12345
	for name, where := range map[string]func(r *run) (base string){
		"in the user's cache": func(r *run) string { return filepath.Join(r.home, "meshpeer") },
		"in the temporary directory": func(r *run) string {
			r.with("HOME=", "XDG_CACHE_HOME=")
			return filepath.Join(r.home, fmt.Sprintf("meshpeer-%d", os.Getuid()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := prepare(t, startsLab)
			r.with(lab.EnvBinary+"=", "PATH="+t.TempDir(), "TMPDIR="+r.home)
			base := where(r)
			mark := filepath.Join(r.home, "mark")
			entry := filepath.Join(base, "lab", key)
			require.NoError(t, os.MkdirAll(entry, 0o755))
			require.NoError(t, os.MkdirAll(filepath.Join(base, "lab", "run"), 0o777))
			script := []byte("#!/bin/sh\n: > " + mark + "\n")
			require.NoError(t, os.WriteFile(filepath.Join(entry, "controlplane"), script, 0o755))
			sums := fmt.Sprintf("%x  controlplane\n", sha256.Sum256(script)) // a whole entry, were it not for its owner
			require.NoError(t, os.WriteFile(filepath.Join(entry, "SHA256SUMS"), []byte(sums), 0o644))
			require.NoError(t, filepath.WalkDir(base, func(path string, _ os.DirEntry, err error) error {
				require.NoError(t, err)
				return os.Chown(path, stranger, stranger)
			}))
			said := r.fails(t)
			require.Contains(t, said, "is not used: "+base+" belongs to user 12345")
			require.Contains(t, said, "no go command")
			require.NoFileExists(t, mark)
			r.requireNoProcess(t)
		})
	}
}

// requireNoProcess is requireNothingLeft for a home that holds more than a lab's files.
func (r *run) requireNoProcess(t *testing.T) {
	t.Helper()
	requireNone(t, r.alive)
}

// small puts the program's home on a disk of its own.
func (r *run) small(t *testing.T, size string) {
	t.Helper()
	mountSmall(t, r.home, size)
}

func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

func TestSmallDisk(t *testing.T) {
	needsRoot(t)
	r := prepare(t, startsLab)
	r.small(t, "20m")
	said := r.fails(t)
	require.Contains(t, said, "no space left on the disk: a run needs 300 MB in "+r.home)
	require.Equal(t, 1, strings.Count(said, "\n"), said)
	r.requireNoProcess(t)
}

// A disk that is full while the clusters start gives one line, whatever happens first: a write of the program's own fails, or
// etcd or an API server ends with a trace. The look at the machine is passed by: only the state directories are on that disk.
func TestDiskFillsUp(t *testing.T) {
	needsRoot(t)
	for _, size := range []string{"32k", "1m", "20m"} {
		t.Run(size, func(t *testing.T) {
			r := prepare(t, startsLab)
			runs := filepath.Join(r.home, "meshpeer", "lab", "run")
			require.NoError(t, os.MkdirAll(runs, 0o700))
			mountSmall(t, runs, size)
			said := r.fails(t)
			require.Contains(t, said, "no space left on the disk")
			require.Contains(t, said, "free some space")
			require.Equal(t, 1, strings.Count(r.told(), "\n"), said)
			requireNone(t, func(t *testing.T) []string {
				left, err := filepath.Glob(filepath.Join(runs, "*"))
				require.NoError(t, err)
				return append(left, r.alive(t)...)
			})
		})
	}
}

// Without nf_tables there are clusters, and one sentence about what is missing.
func TestKernelWithoutPacketFilter(t *testing.T) {
	plain := start(t, entersOnly, nil)
	kill(t, plain.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, plain.await(t))
	if plain.loopback {
		t.Skip("this machine gives no namespaces: " + plain.said())
	}
	r := start(t, noFilter, nil)
	require.False(t, r.loopback, r.said())
	require.Contains(t, r.said(), "(nf_tables, ip_forward)")
	require.Contains(t, r.said(), "protocol not supported: clusters run without a data plane")
	require.Contains(t, r.said(), "lab: no data plane: traffic between Pods cannot be kept apart")
	kill(t, r.supervisor(), syscall.SIGTERM)
	require.Equal(t, 0, r.await(t))
	r.requireNothingLeft(t)
}

// client-go logs what it gets over; a program's story has no use for it.
func TestClientGoIsQuiet(t *testing.T) {
	r := start(t, logsErrors, nil)
	logs, err := filepath.Glob(filepath.Join(r.home, "meshpeer", "lab", "run", "*", "client-go.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	text, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "Unexpected error when reading response body")
	kill(t, r.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, r.await(t))
	require.NotContains(t, r.said(), "Unexpected error")
	require.NotContains(t, r.said(), "watch")
	require.NotContains(t, r.said(), "warning")
}

// Two users take turns, and the one who waits hears of whom.
func TestTwoUsers(t *testing.T) {
	needsRoot(t)
	const nobody = 65534
	first := start(t, entersOnly, nil)
	second := prepare(t, entersOnly)
	second.moveTo(t, readable(t))
	require.NoError(t, os.Chown(second.home, nobody, nobody))
	second.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	second.launch(t)
	deadline := time.Now().Add(patience)
	for !strings.Contains(second.said(), "waiting for the lab of ending.test (process") {
		require.True(t, time.Now().Before(deadline), second.said())
		time.Sleep(20 * time.Millisecond)
	}
	require.Contains(t, second.said(), ") of user 0 to end")
	kill(t, first.supervisor(), syscall.SIGKILL)
	second.awaitReady(t)
	kill(t, second.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, second.await(t))
}

func TestNoPlaceForFiles(t *testing.T) {
	r := prepare(t, entersOnly).with("HOME=", "XDG_CACHE_HOME=", "TMPDIR=/proc")
	said := r.fails(t)
	require.Contains(t, said, "no lab on this machine: no directory to keep things in")
	require.Contains(t, said, "set HOME or TMPDIR to a directory of your own")
	require.Equal(t, 1, strings.Count(said, "\n"), said)
}

func TestNoHome(t *testing.T) {
	r := start(t, entersOnly, func(r *run) { r.with("HOME=", "XDG_CACHE_HOME=", "TMPDIR="+r.home) })
	kill(t, r.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, r.await(t))
	require.Empty(t, r.told())
}

// The TestMain of a suite fails where there can be no lab; only MESHPEER_LAB=optional lets it pass, and then every test is
// skipped with the reason.
func TestSuiteWithoutLab(t *testing.T) {
	without := func(value string) *run {
		return prepare(t, runsTests).with(lab.EnvBinary+"=", "PATH="+t.TempDir(), lab.EnvRequired+"="+value)
	}
	for _, value := range []string{"", "required"} {
		said := without(value).fails(t)
		require.Contains(t, said, "no go command")
		require.Contains(t, said, "MESHPEER_LAB=optional skips the tests that need a lab")
	}
	require.Contains(t, without("optinal").fails(t), `MESHPEER_LAB "optinal": must be empty, required or optional`)

	r := without("optional")
	r.launch(t)
	line := <-r.lines
	require.Equal(t, 0, r.await(t), r.said())
	require.Contains(t, line, `skipped="no lab on this machine:`)
	require.Contains(t, line, "no go command")
	require.Contains(t, line, `failed=""`)
}

// Killed at any instant of entering, a program leaves what the next one removes or uses.
func TestKilledWhileEntering(t *testing.T) {
	for name, reached := range map[string]func(r *run) bool{
		"at once":                func(*run) bool { return true },
		"a directory is made":    func(r *run) bool { return r.has("meshpeer", "lab") },
		"a state directory":      func(r *run) bool { return r.has("meshpeer", "lab", "run", "*") },
		"its lock":               func(r *run) bool { return r.has("meshpeer", "lab", "run", "*", "lock") },
		"the program is inside":  func(r *run) bool { return r.has("meshpeer", "lab", "run", "*", "client-go.log") },
		"a cluster has a folder": func(r *run) bool { return r.has("meshpeer", "lab", "run", "*", "lab-*", "one") },
	} {
		t.Run(name, func(t *testing.T) {
			r := prepare(t, startsLab)
			r.launch(t)
			for deadline := time.Now().Add(patience); !reached(r); time.Sleep(time.Millisecond) {
				require.True(t, time.Now().Before(deadline), r.said())
			}
			for pid := range r.processes(t) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			<-r.ended
			requireNone(t, r.alive)
			requireNone(t, r.inhabited)
			next := start(t, entersOnly, func(next *run) {
				next.home = r.home
				next.with("HOME="+r.home, "XDG_CACHE_HOME="+r.home)
			})
			kill(t, next.supervisor(), syscall.SIGTERM)
			require.Equal(t, 7, next.await(t))
			require.Empty(t, next.told())
			requireNone(t, func(t *testing.T) []string { // a directory that was about to be locked stays for a minute
				var left []string
				for _, trace := range r.traces(t) {
					if !strings.HasPrefix(filepath.Base(trace), ".fresh-") {
						left = append(left, trace)
					}
				}
				return left
			})
		})
	}
}

// told is what the program said, but for the wait for another lab.
func (r *run) told() string {
	var kept strings.Builder
	for line := range strings.Lines(r.said()) {
		if !strings.Contains(line, "waiting for the lab of") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// has tells whether a path below the home is there.
func (r *run) has(pattern ...string) bool {
	found, err := filepath.Glob(filepath.Join(append([]string{r.home}, pattern...)...))
	return err == nil && len(found) > 0
}
