//go:build linux

package ending_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// patience covers a machine that is busy with something else, and labs of others that come first.
const patience = 4 * time.Minute

var binary = sync.OnceValues(func() (string, error) { return lab.ControlPlane(os.Stderr) })

// run is one running program. Everything that belongs to it has its home directory in its environment.
type run struct {
	home     string
	cmd      *exec.Cmd
	ended    chan struct{}
	loopback bool
	uid      int
	lines    chan string
	heard    chan struct{} // closed when allSaid was read

	mu     sync.Mutex
	stderr strings.Builder
}

// start runs the program and waits until it says that it is ready. Command gets arguments put before the program's path.
func start(t *testing.T, what string, change func(r *run)) *run {
	t.Helper()
	r := prepare(t, what)
	if change != nil {
		change(r)
	}
	r.launch(t)
	r.awaitReady(t)
	return r
}

func prepare(t *testing.T, what string) *run {
	t.Helper()
	bin, err := binary()
	if errors.Is(err, lab.ErrUnavailable) {
		lab.SkipOrFail(t, err)
	}
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	r := &run{home: t.TempDir(), ended: make(chan struct{}), heard: make(chan struct{})}
	r.cmd = exec.Command(self)
	r.cmd.Env = append(os.Environ(), envProgram+"="+what, "HOME="+r.home, "XDG_CACHE_HOME="+r.home, lab.EnvBinary+"="+bin)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return r
}

func (r *run) launch(t *testing.T) {
	t.Helper()
	out, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	complaints, err := r.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		<-r.ended
	})
	lines := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, out)
	})
	reading.Go(func() {
		scanner := bufio.NewScanner(complaints)
		for scanner.Scan() {
			if scanner.Text() == allSaid {
				close(r.heard)
				continue
			}
			r.mu.Lock()
			fmt.Fprintln(&r.stderr, scanner.Text())
			r.mu.Unlock()
		}
	})
	go func() {
		reading.Wait()
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	r.lines = lines
}

func (r *run) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case line := <-r.lines:
		fields := strings.Fields(line)
		require.GreaterOrEqual(t, len(fields), 3, "%q; standard error: %s", line, r.said())
		r.loopback = fields[1] == "true"
		r.uid, _ = strconv.Atoi(fields[2])
		<-r.heard
	case <-time.After(patience):
		require.Fail(t, "not ready", "within %s; standard error: %s", patience, r.said())
	}
}

func (r *run) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stderr.String()
}

// await returns the exit code.
func (r *run) await(t *testing.T) int {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the program does not end", r.said())
	}
	return r.cmd.ProcessState.ExitCode()
}

// processes are those of the host that have the run's home in their environment: supervisor, program, janitor, and every
// process of the control planes.
func (r *run) processes(t *testing.T) map[int]string {
	t.Helper()
	found := map[int]string{}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !strings.Contains(string(env), r.home) {
			continue
		}
		line, _ := os.ReadFile(dir + "/cmdline")
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(t, err)
		found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
	}
	return found
}
