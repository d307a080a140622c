//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// What is awaited is there much sooner; these bound a failure.
const (
	patience = time.Minute
	tick     = 50 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(lab.RunTests(m)) }

// build makes the controller as its users do.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "controller")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput()
	require.NoError(t, err, "%s", built)
	return program
}

// replica is a process of the controller.
type replica struct {
	name    string
	command *exec.Cmd
	over    chan struct{}
	err     error

	mu  sync.Mutex
	log bytes.Buffer
}

// Write keeps what the process logs.
func (r *replica) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *replica) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// start runs a replica, whose host name tells it from the others in the leader's Lease.
func start(t *testing.T, program, kubeconfig, name string) *replica {
	t.Helper()
	r := &replica{name: name, over: make(chan struct{})}
	r.command = exec.CommandContext(context.WithoutCancel(t.Context()), program, //nolint:gosec // our own
		"-namespace="+namespace, "-leader-elect", "-leader-namespace="+namespace, "-lease-duration=4s", "-fence-duration=8s", "-source-every=5s", "-retry-after=4s", "-lock-timeout=4s",
		"-metrics-bind-address=0", "-health-probe-bind-address=0")
	r.command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	r.command.Stdout, r.command.Stderr = r, r
	// No Pdeathsig: it is of the thread that started the process, and the lab ends threads. The lab ends its processes itself.
	require.NoError(t, r.command.Start())
	go func() {
		r.err = r.command.Wait()
		close(r.over)
	}()
	t.Cleanup(func() {
		if t.Failed() { // with all goroutines
			_ = r.command.Process.Signal(syscall.SIGQUIT)
			<-r.over
			_ = os.WriteFile(filepath.Join(os.TempDir(), "controller-"+name+".log"), []byte(r.text()), 0o600)
			t.Logf("what %s said is in %s", name, filepath.Join(os.TempDir(), "controller-"+name+".log"))
		}
		_ = r.command.Process.Kill()
		<-r.over
	})
	return r
}

// kill ends it as a node that dies does.
func (r *replica) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, r.command.Process.Kill())
	<-r.over
}

// stop ends it as a rollout does, and wants it to end well.
func (r *replica) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, r.command.Process.Signal(syscall.SIGTERM))
	select {
	case <-r.over:
		var exit *exec.ExitError
		require.False(t, errors.As(r.err, &exit), "%s: %v", r.name, r.err)
	case <-time.After(patience):
		require.Fail(t, "does not stop", r.name)
	}
}

// holder of the leader's Lease: the process ID is not in it, but who of two processes it is can be told by who logs that it leads.
func holder(t *testing.T, c client.Client) string {
	lease := &coordinationv1.Lease{}
	err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "meshpeer-controller"}, lease)
	if client.IgnoreNotFound(err) != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// await polls until done says "", and fails with what it last said.
func await(t *testing.T, what string, done func() string) {
	t.Helper()
	start := time.Now()
	for {
		why := done()
		if why == "" {
			t.Logf("%6s %s", time.Since(start).Round(100*time.Millisecond), what)
			return
		}
		if time.Since(start) > patience {
			require.Fail(t, what, "after %s: %s", patience, why)
		}
		select {
		case <-time.After(tick):
		case <-t.Context().Done():
			require.Fail(t, what, "%s", why)
		}
	}
}

func unless(ok bool, why string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(why, args...)
}
