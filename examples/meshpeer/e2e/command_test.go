//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/terminal"
	"github.com/meshpeer/meshpeer/internal/lab"
)

// Exit codes.
const (
	fine    = 0
	failed  = 1
	found   = 2
	unknown = 3
)

const patience = time.Minute

// user is a person with the command and a kubeconfig of all clusters.
type user struct {
	dir     string // with meshpeer and kubectl-meshpeer, and the working directory
	env     []string
	members []string
}

func newUser(t *testing.T, l *lab.Lab) *user {
	t.Helper()
	u := &user{dir: t.TempDir()}
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(u.dir, "meshpeer"), "..").CombinedOutput()
	require.NoError(t, err, "%s", built)
	require.NoError(t, os.Symlink("meshpeer", filepath.Join(u.dir, "kubectl-meshpeer")))
	var files []string
	for _, c := range l.Clusters {
		files = append(files, c.Kubeconfig)
		u.members = append(u.members, "--context", c.ID)
	}
	if l.Loopback {
		u.members = append(u.members, "--allow-loopback")
	}
	u.env = append(os.Environ(), "KUBECONFIG="+strings.Join(files, ":"), "TERM=xterm-256color", "NO_COLOR=")
	return u
}

func (u *user) command(t *testing.T, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), filepath.Join(u.dir, name), append(args, u.members...)...)
	c.Dir, c.Env = u.dir, u.env
	return c
}

// start types a command at a terminal.
func (u *user) start(t *testing.T, args ...string) *terminal.Session {
	t.Helper()
	s, err := terminal.Start(u.command(t, "meshpeer", args...), 160)
	require.NoError(t, err)
	return s
}

// run waits for its end and returns what the screen shows then.
func (u *user) run(t *testing.T, code int, args ...string) (screen, raw string) {
	t.Helper()
	began := time.Now()
	s := u.start(t, args...)
	return u.end(t, s, code, began, args...)
}

func (u *user) end(t *testing.T, s *terminal.Session, code int, began time.Time, args ...string) (screen, raw string) {
	t.Helper()
	got, err := s.End()
	require.NoError(t, err)
	screen = terminal.Screen(s.Raw())
	t.Logf("%.1f s\n$ meshpeer %s\n%sexit code %d", time.Since(began).Seconds(), strings.Join(args, " "), screen, got)
	require.Equal(t, code, got, screen)
	require.NotContains(t, s.Raw(), "eyJ", "a token")
	return screen, s.Raw()
}

// TestCommand is the life of two links, as somebody sees it who types the commands.
func TestCommand(t *testing.T) {
	lab.RequireDataPlane(t)
	l, err := lab.Start(t.Context(), lab.Options{DataPlane: &lab.DataPlane{}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	u := newUser(t, l)

	u.run(t, unknown, "check", "--flavour", "upstream")
	u.run(t, fine, "check", "--flavour", "upstream", "--tolerate", "kubernetes-version,trust-domain")
	screen, _ := u.run(t, found, "why", "cluster-2", "cluster-1", "httpbin")
	require.Contains(t, screen, "reason: remote-secret: there is no remote secret yet")
	require.Contains(t, screen, "next: meshpeer ensure --dry-run --context cluster-1")

	screen, _ = u.run(t, found, "plan", "-o", "plan.json")
	require.Contains(t, screen, "next: meshpeer apply plan.json --context cluster-1 --context cluster-2")
	screen, raw := u.run(t, fine, "apply", "plan.json")
	require.Contains(t, raw, "\x1b[2K", "lines are redrawn")
	require.Contains(t, screen, "cluster-1 -> cluster-2 grant mint share sync")
	screen, _ = u.run(t, failed, "apply", "plan.json")
	require.Contains(t, screen, "next: meshpeer plan")

	screen, _ = u.run(t, fine, "status", "--wait")
	require.Contains(t, screen, "2/2", "both istiods of cluster-2")
	screen, _ = u.run(t, fine, "why", "cluster-2", "cluster-1", "httpbin")
	require.Contains(t, screen, "answered by cluster-1 (proved)")
	screen, _ = u.run(t, fine, "why", "cluster-2", "cluster-1", "httpbin", "--path", "/status/204")
	require.Contains(t, screen, "cluster-1 answers 204")

	screen, _ = u.run(t, found, "why", "cluster-2", "cluster-1", "nosuch:80", "--patience", "1s")
	require.Contains(t, screen, "reason: istiod-endpoints")

	screen, _ = u.run(t, fine, "rotate", "--report", "rotation.html", "--report", "rotation.xml")
	require.Contains(t, screen, "1 revoked")
	require.FileExists(t, filepath.Join(u.dir, "rotation.html"))
	require.FileExists(t, filepath.Join(u.dir, "rotation.xml"))
	screen, _ = u.run(t, fine, "credentials")
	require.Contains(t, screen, "cluster-2/istio-system/istio-remote-secret-cluster-1")

	asPlugin(t, u)
	interrupted(t, u, l)
	asked(t, u)
}

// asPlugin is the command as kubectl calls it, in a pipeline.
func asPlugin(t *testing.T, u *user) {
	out, err := u.command(t, "kubectl-meshpeer", "ensure").Output()
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(out), "passed   none"), string(out))
	require.NotContains(t, string(out), "\x1b")
	out, err = u.command(t, "kubectl-meshpeer", "ensure", "--help").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "kubectl meshpeer ensure --context east")
}

// asked is remove, which asks before it ends anything.
func asked(t *testing.T, u *user) {
	answer := func(word string, code int) string {
		t.Helper()
		began := time.Now()
		s := u.start(t, "remove")
		require.NoError(t, s.Await("Type yes to go on:", patience))
		require.NoError(t, s.Type(word+"\n"))
		screen, _ := u.end(t, s, code, began, "remove")
		return screen
	}
	require.Contains(t, answer("no", failed), "nothing was changed")
	require.Contains(t, answer("yes", fine), "1 revoked")
	screen, _ := u.run(t, found, "status")
	require.Contains(t, screen, "next: meshpeer ensure --dry-run")
}

// interrupted ends ensure with ^C while it waits for a token that nobody fills in: what it did is undone, and told.
func interrupted(t *testing.T, u *user, l *lab.Lab) {
	u.run(t, fine, "remove", "--yes", "--from", "cluster-2")
	require.NoError(t, l.Clusters[0].PauseControllers())
	resumed := false
	t.Cleanup(func() {
		if !resumed {
			_ = l.Clusters[0].ResumeControllers()
		}
	})
	began := time.Now()
	s := u.start(t, "ensure", "--from", "cluster-2", "--to", "cluster-1")
	require.NoError(t, s.Await("cluster-2 -> cluster-1 grant", patience))
	require.NoError(t, s.Type("\x03"))
	screen, _ := u.end(t, s, failed, began, "ensure", "--from", "cluster-2", "--to", "cluster-1")
	require.Regexp(t, `(?m)^interrupted: what was not finished is being undone`, screen)
	require.Contains(t, screen, "undone")
	require.Contains(t, screen, "next: meshpeer ensure")
	require.NoError(t, l.Clusters[0].ResumeControllers())
	resumed = true
	u.run(t, fine, "ensure")
}
