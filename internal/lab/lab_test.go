//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// TestMain's suite has a budget of 90 s on two cores; RunTests prints what it took.
func TestMain(m *testing.M) {
	code := lab.RunTests(m)
	if shared.lab != nil {
		_ = shared.lab.Close()
	}
	os.Exit(code)
}

var shared struct {
	once sync.Once
	lab  *lab.Lab
	err  error
}

// defaultLab is the lab that most tests share; each leaves it as it was.
func defaultLab(t *testing.T) *lab.Lab {
	t.Helper()
	lab.Require(t)
	shared.once.Do(func() {
		shared.lab, shared.err = lab.Start(context.Background(), lab.Options{})
	})
	require.NoError(t, shared.err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = shared.lab.Logs(os.Stderr, 10)
		}
	})
	return shared.lab
}

// eventually polls with a deadline; the last error is what a failure shows.
func eventually(t *testing.T, within time.Duration, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(t, err, "not within %s", within)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestDefaultLab(t *testing.T) {
	l := defaultLab(t)
	require.Len(t, l.Clusters, 2)
	info, err := os.Stat(l.Dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for n, c := range l.Clusters {
		require.Equal(t, fmt.Sprintf("cluster-%d", n+1), c.ID)
		require.Same(t, c, l.Cluster(c.ID))
		require.Len(t, c.Istiods, n+1)
		info, err := os.Stat(c.Kubeconfig)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		for _, istiod := range c.Istiods {
			known, err := istiod.Clusterz(t.Context())
			require.NoError(t, err)
			require.Equal(t, []lab.RemoteCluster{{ID: c.ID, SyncStatus: "synced"}}, known)
		}
	}
	require.Nil(t, l.Cluster("cluster-3"))
	require.NotEqual(t, l.Clusters[0].CA, l.Clusters[1].CA)
}
