//go:build linux

package ending_test

import (
	"io"
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

func TestOneLabPerMachine(t *testing.T) {
	first := start(t, entersOnly, nil)
	second := prepare(t, entersOnly)
	second.launch(t)
	deadline := time.Now().Add(patience)
	for !strings.Contains(second.said(), "waiting for the lab of ending.test") {
		require.True(t, time.Now().Before(deadline), second.said())
		time.Sleep(20 * time.Millisecond)
	}
	require.Empty(t, second.lines, "it is not inside yet")
	kill(t, first.supervisor(), syscall.SIGKILL)
	second.awaitReady(t)
	kill(t, second.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, second.await(t))
}

// One who waits for his turn must not take it when nobody waits for him any more.
func TestKilledParentOfWaiting(t *testing.T) {
	first := start(t, entersOnly, nil)
	second := prepare(t, entersOnly)
	underShell(second)
	second.launch(t)
	deadline := time.Now().Add(patience)
	for !strings.Contains(second.said(), "waiting for the lab of ending.test") {
		require.True(t, time.Now().Before(deadline), second.said())
		time.Sleep(20 * time.Millisecond)
	}
	kill(t, second.cmd.Process.Pid, syscall.SIGKILL)
	second.requireNothingLeft(t)
	kill(t, first.supervisor(), syscall.SIGTERM)
	require.Equal(t, 7, first.await(t))
}

// An ordinary user gets namespaces through one of users; where the kernel forbids those, loopback.
func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("all other tests run as an ordinary user already")
	}
	const nobody = 65534
	for _, mode := range []string{"", "loopback"} {
		t.Run("mode "+mode, func(t *testing.T) {
			r := start(t, startsLab, func(r *run) {
				inMode(mode)(r)
				r.moveTo(t, readable(t))
				require.NoError(t, os.Chown(r.home, nobody, nobody))
				r.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: false}
			})
			if mode == "" && r.loopback {
				require.Contains(t, r.said(), "this machine gives no namespaces")
			} else {
				require.Equal(t, mode == "loopback", r.loopback)
			}
			if r.loopback {
				require.Equal(t, nobody, r.uid)
			}
			kill(t, r.supervisor(), syscall.SIGTERM)
			require.Equal(t, 0, r.await(t))
			r.requireNothingLeft(t)
		})
	}
}

// Inside a user namespace whose limits are zero every unshare is refused, root or not.
func TestForbiddenNamespaces(t *testing.T) {
	if exec.Command("unshare", "--user", "--map-root-user", "true").Run() != nil {
		t.Skip("forbidding namespaces takes unshare(1) and a user namespace")
	}
	const forbid = `echo 0 >/proc/sys/user/max_net_namespaces && echo 0 >/proc/sys/user/max_user_namespaces && exec "$0"`
	forbidden := func(r *run) {
		r.cmd.Args = []string{"unshare", "--user", "--map-root-user", "sh", "-c", forbid, r.cmd.Path}
		path, err := exec.LookPath("unshare")
		require.NoError(t, err)
		r.cmd.Path = path
	}
	r := start(t, startsLab, forbidden)
	require.True(t, r.loopback)
	require.Contains(t, r.said(), "this machine gives no namespaces")
	require.Equal(t, 1, strings.Count(r.told(), "\n"), "the reason is one line: %s", r.said())
	kill(t, r.supervisor(), syscall.SIGTERM)
	require.Equal(t, 0, r.await(t))
	r.requireNothingLeft(t)

	r = prepare(t, entersOnly)
	forbidden(r)
	inMode("namespace")(r)
	r.launch(t)
	require.Equal(t, 1, r.await(t))
	require.Contains(t, r.said(), "no lab on this machine")
}

func TestUnknownMode(t *testing.T) {
	r := prepare(t, entersOnly)
	inMode("container")(r)
	r.launch(t)
	require.Equal(t, 1, r.await(t))
	require.Contains(t, r.said(), `MESHPEER_LAB_MODE "container": must be empty, loopback or namespace`)
}

// moveTo puts copies of the program and the control plane where every user can read them.
func (r *run) moveTo(t *testing.T, dir string) {
	t.Helper()
	bin, err := binary()
	require.NoError(t, err)
	entry := filepath.Dir(bin)
	files, err := os.ReadDir(entry)
	require.NoError(t, err)
	for _, file := range files {
		duplicate(t, filepath.Join(entry, file.Name()), filepath.Join(dir, file.Name()))
	}
	self := filepath.Join(dir, "ending.test")
	duplicate(t, r.cmd.Path, self)
	r.home = filepath.Join(dir, "home")
	require.NoError(t, os.Mkdir(r.home, 0o700))
	r.cmd.Path, r.cmd.Dir = self, dir
	r.cmd.Env = append(r.cmd.Env, "HOME="+r.home, "XDG_CACHE_HOME="+r.home, lab.EnvBinary+"="+filepath.Join(dir, filepath.Base(bin)))
}

// readable is a temporary directory that other users can enter, unlike testing's.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "meshpeer-lab-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// duplicate links, or copies across file systems.
func duplicate(t *testing.T, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
