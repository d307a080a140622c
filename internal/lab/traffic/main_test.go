//go:build linux

package traffic_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

func TestMain(m *testing.M) { os.Exit(lab.RunTests(suite{m})) }

// patience bounds what is awaited; it is there much sooner.
const patience = 45 * time.Second

// suite closes the shared lab when all tests are over.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	code := s.m.Run()
	if shared.lab == nil {
		return code
	}
	if code != 0 {
		_ = shared.lab.Logs(os.Stderr, 10)
	}
	if err := shared.lab.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// shared is the default lab with a data plane, peered both ways. Tests leave it as they found it.
var shared struct {
	once sync.Once
	lab  *lab.Lab
	err  error
}

func sharedLab(t *testing.T) *lab.Lab {
	t.Helper()
	lab.RequireDataPlane(t)
	shared.once.Do(func() {
		began := time.Now()
		shared.lab, shared.err = lab.Start(context.Background(), lab.Options{DataPlane: &lab.DataPlane{}})
		if shared.err == nil {
			fmt.Fprintf(os.Stderr, "lab: up with its data plane after %.1f s\n", time.Since(began).Seconds())
			shared.err = peer(context.Background(), shared.lab)
		}
	})
	require.NoError(t, shared.err)
	return shared.lab
}

// start makes a lab for one test alone.
func start(t *testing.T, plane lab.DataPlane, clusters ...lab.ClusterOptions) *lab.Lab {
	t.Helper()
	lab.RequireDataPlane(t)
	l, err := lab.Start(t.Context(), lab.Options{DataPlane: &plane, Clusters: clusters})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 10)
		}
		require.NoError(t, l.Close())
	})
	return l
}

// peer lets every istiod that runs in a cluster read all other clusters.
func peer(ctx context.Context, l *lab.Lab) error {
	var members []*peering.Cluster
	for _, c := range l.Clusters {
		id, err := peering.ParseID(c.ID)
		if err != nil {
			return err
		}
		m, err := peering.Connect(id, c.Config, peering.ConnectOptions{})
		if err != nil {
			return err
		}
		members = append(members, m)
	}
	var p peering.Peering
	_, err := p.Ensure(ctx, peering.Mesh(members...)...)
	return err
}

// curl runs curl in the Pod of sleep and returns what it printed, and its exit code.
func curl(t *testing.T, c *lab.Cluster, args ...string) (string, int) {
	t.Helper()
	return curlIn(t, c, "app=sleep", args...)
}

func curlIn(t *testing.T, c *lab.Cluster, selector string, args ...string) (string, int) {
	t.Helper()
	pod, err := c.PodName(t.Context(), "default", selector)
	require.NoError(t, err)
	out, complaint, code, err := c.Exec(t.Context(), "default", pod, "sleep", append([]string{"curl", "-sS", "-m", "5"}, args...)...)
	require.NoError(t, err)
	return string(out) + string(complaint), code
}

// eventually polls until check says that it is so.
func eventually(t *testing.T, what string, check func() (last string, ok bool)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		last, ok := check()
		if ok {
			return
		}
		require.True(t, time.Now().Before(deadline), "%s: not within %s; last: %s", what, patience, last)
		time.Sleep(100 * time.Millisecond)
	}
}

// answersFrom waits until httpbin as seen from c is answered by the clusters given, and by no other in a row of ten.
func answersFrom(t *testing.T, c *lab.Cluster, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s sees httpbin in %s", c.ID, want), func() (string, bool) {
		var all strings.Builder
		seen := map[string]bool{}
		for range 10 {
			out, code := curl(t, c, "http://httpbin:8000/env")
			all.WriteString(out)
			for _, id := range []string{"cluster-1", "cluster-2"} {
				seen[id] = seen[id] || strings.Contains(out, `"HTTPBIN_ENV_CLUSTER": "`+id+`"`)
			}
			if code != 0 || !strings.Contains(out, "HTTPBIN_ENV_CLUSTER") {
				return out, false
			}
		}
		for id, is := range seen {
			if is != strings.Contains(strings.Join(want, " "), id) {
				return all.String(), false
			}
		}
		return "", true
	})
}

// scale sets the replicas of httpbin and waits for its Pods.
func scale(t *testing.T, c *lab.Cluster, n int) {
	t.Helper()
	require.NoError(t, c.Scale(t.Context(), "default", "httpbin", n))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, c.WaitPods(ctx, "default", "app=httpbin", n))
}
