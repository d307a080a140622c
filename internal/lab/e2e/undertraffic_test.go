//go:build linux

package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// inhabited is a lab with pods, not peered.
func inhabited(t *testing.T) *world {
	t.Helper()
	lab.RequireDataPlane(t)
	l, err := lab.Start(t.Context(), lab.Options{DataPlane: &lab.DataPlane{}})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 15)
		}
		require.NoError(t, l.Close())
	})
	return connect(t, l)
}

// TestUnderTraffic changes the credential of a link while a client asks over it without a pause. The client's cluster has
// no httpbin, so that every request crosses, and two istiods.
func TestUnderTraffic(t *testing.T) {
	w := inhabited(t)
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	require.Len(t, w.istiods(link.From.ID), 2)
	require.NoError(t, w.Clusters[1].Scale(t.Context(), "default", "httpbin", 0))
	require.NoError(t, w.Clusters[1].WaitPods(t.Context(), "default", "app=httpbin", 0))
	out, err := w.Clusters[0].Istioctl(t.Context(), "create-remote-secret", "--name", "cluster-1", "--server", w.Clusters[0].Server)
	require.NoError(t, err)
	made, err := link.From.Objects.Create(t.Context(), decode(t, out))
	require.NoError(t, err)
	answer := probe.Retry(traffic.Workload{}.Who(link.Sides()), probe.Poll{Timeout: patience}).Probe(t.Context())
	require.Equal(t, probe.Passed, answer.Status, "%s: %s", answer.Summary, answer.Hint)
	p := &peering.Peering{Flavour: preflight.Upstream, Adopt: peering.AdoptRevoke}

	t.Run("adopt", func(t *testing.T) {
		old := credential(t, w, made.GetName())
		c := call(t, w.Clusters[1])
		c.during(t, "Ensure", func() (*peering.Report, error) { return p.Ensure(t.Context(), link) })
		refused(t, link, old)
		c.end(t)
		grants, err := peering.Credentials(t.Context(), w.clusters...)
		require.NoError(t, err)
		require.Len(t, grants, 1, "istioctl's token is revoked")
		require.Equal(t, "cluster-2 -> cluster-1", grants[0].Link)
	})

	t.Run("rotate", func(t *testing.T) {
		const rotations, requests = 3, 2000
		var old []secrets.Remote
		c := call(t, w.Clusters[1])
		for range rotations {
			old = append(old, credential(t, w, made.GetName()))
			c.during(t, "Rotate", func() (*peering.Report, error) { return p.Rotate(t.Context(), link) })
		}
		refused(t, link, old...)
		c.reach(t, requests)
		require.GreaterOrEqual(t, c.end(t), requests)
		require.NoError(t, present(t.Context(), link, credential(t, w, made.GetName())))
	})
	answered, err := traffic.Workload{}.Who(link.Sides()).Ask(t.Context())
	require.NoError(t, err)
	require.Equal(t, link.To.ID.String(), answered.Cluster)
}

// credential is what istiod of the second cluster reads the first with.
func credential(t *testing.T, w *world, secret string) secrets.Remote {
	t.Helper()
	remotes, err := secrets.Parse(get(t, w, secret))
	require.NoError(t, err)
	require.Len(t, remotes, 1)
	return remotes[0]
}

// refused waits until the API server of To does not know the bearers any more. It remembers a token for 10 s at most
// (Kubernetes pkg/kubeapiserver/options/authentication.go).
func refused(t *testing.T, link peering.Link, old ...secrets.Remote) {
	t.Helper()
	for _, r := range old {
		require.Eventually(t, func() bool { return apierrors.IsUnauthorized(present(t.Context(), link, r)) }, patience, tick, "the old token still counts")
	}
}

// present shows a credential to the API server of To.
func present(ctx context.Context, link peering.Link, r secrets.Remote) error {
	as, err := link.To.As(r.Endpoint, r.Token)
	if err == nil {
		_, err = as.List(ctx, &corev1.Pod{}, "")
	}
	return err
}

// calls are requests from a client's container, one after the other without a pause. They are one exec: a shell there makes
// a batch for each line it reads.
type calls struct {
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

func call(t *testing.T, cluster *lab.Cluster) *calls {
	t.Helper()
	pod, err := cluster.PodName(t.Context(), "default", "app=sleep")
	require.NoError(t, err)
	query := url.Values{"container": {"sleep"}, "command": {"/bin/sh", "-c", caller}, "stdin": {"true"}, "stdout": {"true"}}
	executor, err := remotecommand.NewWebSocketExecutor(cluster.Config, "GET",
		cluster.Server+"/api/v1/namespaces/default/pods/"+pod+"/exec?"+query.Encode())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	stdin, ask := io.Pipe()
	answers, stdout := io.Pipe()
	c := &calls{over: make(chan struct{})}
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
func (c *calls) read(answers io.Reader, ask io.WriteCloser) {
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

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// reach waits until so many requests have been answered.
func (c *calls) reach(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for c.count() < n {
		select {
		case <-c.over:
			require.Fail(t, "the calls have ended", "after %d requests: %v", c.answered, c.err)
		case <-deadline:
			require.Fail(t, "the calls do not go on", "after %d requests", c.count())
		case <-time.After(tick):
		}
	}
}

// during does a thing that changes the credential, with requests before, meanwhile and after.
func (c *calls) during(t *testing.T, what string, do func() (*peering.Report, error)) {
	t.Helper()
	const around = 50
	c.reach(t, c.count()+around)
	before, start := c.count(), time.Now()
	report, err := do()
	meanwhile := c.count() - before
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status(), "%+v", report.Links[0])
	require.Greater(t, meanwhile, around, "the calls do not go on meanwhile")
	c.reach(t, c.count()+around)
	t.Logf("%s took %s: %d requests before, %d meanwhile", what, time.Since(start).Round(10*time.Millisecond), before, meanwhile)
}

// end waits for the last answer. None may have failed.
func (c *calls) end(t *testing.T) int {
	t.Helper()
	c.mu.Lock()
	c.stop = true
	c.mu.Unlock()
	select {
	case <-c.over:
	case <-time.After(patience):
		require.Fail(t, "the calls do not end")
	}
	require.NoError(t, c.err)
	require.Empty(t, c.failed, "of %d requests", c.answered)
	t.Logf("%d requests, 0 failed", c.answered)
	return c.answered
}
