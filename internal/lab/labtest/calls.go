//go:build linux

package labtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// Calls are requests from a client's container, one after the other without a pause. They are one exec: a shell there makes
// a batch for each line it reads.
type Calls struct {
	over chan struct{}

	mu       sync.Mutex
	answered int
	failed   []string
	stop     bool
	err      error
}

// batch is how many requests share a connection to the client's proxy, and a start of curl, which takes longer than they do.
const batch = 10

var caller = fmt.Sprintf(`while read -r _; do curl -s -o /dev/null -m 5 -w '%%{http_code} %%{errormsg}\n' 'http://httpbin:8000/status/418?[1-%d]'; done`, batch)

// Call starts calling from the Pod of app=name, container name, in the namespace default of the cluster.
func Call(t *testing.T, cluster *lab.Cluster, name string) *Calls {
	t.Helper()
	pod, err := cluster.PodName(t.Context(), "default", "app="+name)
	require.NoError(t, err)
	query := url.Values{"container": {name}, "command": {"/bin/sh", "-c", caller}, "stdin": {"true"}, "stdout": {"true"}}
	executor, err := remotecommand.NewWebSocketExecutor(cluster.Config, "GET",
		cluster.Server+"/api/v1/namespaces/default/pods/"+pod+"/exec?"+query.Encode())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	stdin, ask := io.Pipe()
	answers, stdout := io.Pipe()
	c := &Calls{over: make(chan struct{})}
	go func() {
		defer close(c.over)
		c.read(answers, ask)
	}()
	go func() {
		_ = stdout.CloseWithError(executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout}))
		_ = stdin.Close()
	}()
	t.Cleanup(func() {
		cancel()
		<-c.over
	})
	return c
}

// read asks anew with each batch of answers until it is told to stop.
func (c *Calls) read(answers io.Reader, ask io.WriteCloser) {
	_, _ = fmt.Fprintln(ask)
	lines := bufio.NewScanner(answers)
	for lines.Scan() {
		c.mu.Lock()
		c.answered++
		if line := lines.Text(); line != "418 " {
			c.failed = append(c.failed, fmt.Sprintf("request %d: %s", c.answered, line))
		}
		last, stop := c.answered%batch == 0, c.stop
		c.mu.Unlock()
		switch {
		case last && stop:
			_ = ask.Close()
		case last:
			_, _ = fmt.Fprintln(ask)
		}
	}
	c.mu.Lock()
	c.err = lines.Err()
	c.mu.Unlock()
}

// Count is how many requests have been answered.
func (c *Calls) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// Reach waits until so many requests have been answered.
func (c *Calls) Reach(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for c.Count() < n {
		select {
		case <-c.over:
			require.Fail(t, "the calls have ended", "after %d requests: %v", c.answered, c.err)
		case <-deadline:
			require.Fail(t, "the calls do not go on", "after %d requests", c.Count())
		case <-time.After(Tick):
		}
	}
}

// During does a thing that changes the credential, with requests before, meanwhile and after.
func (c *Calls) During(t *testing.T, what string, do func() (*peering.Report, error)) {
	t.Helper()
	const around = 50
	c.Reach(t, c.Count()+around)
	before, start := c.Count(), time.Now()
	report, err := do()
	meanwhile := c.Count() - before
	Passed(t, report, err)
	require.Greater(t, meanwhile, around, "the calls do not go on meanwhile")
	c.Reach(t, c.Count()+around)
	t.Logf("%s took %s: %d requests before, %d meanwhile", what, time.Since(start).Round(10*time.Millisecond), before, meanwhile)
}

// End waits for the last answer. None may have failed. It returns how many there were.
func (c *Calls) End(t *testing.T) int {
	t.Helper()
	n, failed := c.Stop(t)
	require.Empty(t, failed, "of %d requests", n)
	t.Logf("%d requests, 0 failed", n)
	return n
}

// Stop waits for the last answer and returns how many requests there were, and what became of those that failed.
func (c *Calls) Stop(t *testing.T) (answered int, failed []string) {
	t.Helper()
	c.mu.Lock()
	c.stop = true
	c.mu.Unlock()
	select {
	case <-c.over:
	case <-time.After(Patience):
		require.Fail(t, "the calls do not end")
	}
	require.NoError(t, c.err)
	return c.answered, c.failed
}
