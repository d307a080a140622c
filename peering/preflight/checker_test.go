package preflight_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// requests of each cluster for all links among n of them, at once.
func requests(t *testing.T, n int) []string {
	t.Helper()
	f, c := newFleet(n), preflight.NewChecker()
	var wg sync.WaitGroup
	for from := range n {
		for to := range n {
			if from != to {
				wg.Go(func() {
					if _, err := c.Check(t.Context(), f.link(from, to)); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	wg.Wait()
	for _, m := range f {
		slices.Sort(m.calls)
		require.Equal(t, f[0].calls, m.calls)
	}
	return f[0].calls
}

// TestRequestsDependOnClustersOnly also prints what a cluster is asked.
func TestRequestsDependOnClustersOnly(t *testing.T) {
	few := requests(t, 2)
	t.Logf("%d requests: %q", len(few), few)
	require.Equal(t, few, requests(t, 12))
}

// What one link missed because its context ended is read again for the next, and for one that waits.
func TestEndedContextOfOneLinkIsNotRemembered(t *testing.T) {
	f := newFleet(2)
	synctest.Test(t, func(t *testing.T) {
		for _, m := range f {
			m.pause = func() { time.Sleep(time.Second) }
		}
		c := preflight.NewChecker()
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			_, err := c.Check(short, f.link(0, 1))
			if err == nil {
				t.Error("the context ended in time")
			}
		})
		synctest.Wait()
		findings, err := c.Check(t.Context(), f.link(0, 1))
		require.NoError(t, err)
		require.Contains(t, findings[0].ID, "distinct-clusters")
		require.Equal(t, probe.Passed, findings[0].Status, "%+v", findings[0])
	})
}
