//go:build linux

package e2e_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// town is a lab with pods, peered in both directions.
func town(t *testing.T, o lab.DataPlane) (*world, []peering.Link) {
	t.Helper()
	lab.RequireDataPlane(t)
	w := own(t, lab.Options{DataPlane: &o})
	labtest.AddOutsider(t, w.Lab)
	links := peering.Mesh(w.clusters...)
	_, err := new(peering.Peering).Ensure(t.Context(), links...)
	require.NoError(t, err)
	return w, links
}

// TestVerifyClimbs goes up all levels in both directions, with pods of the service in both clusters.
func TestVerifyClimbs(t *testing.T) {
	for name, o := range map[string]lab.DataPlane{"two networks": {}, "two networks, STRICT": {Strict: true}, "one network": {Flat: true}} {
		t.Run(name, func(t *testing.T) {
			w, links := town(t, o)
			p := &peering.Peering{Workload: &traffic.Workload{Control: labtest.Outsider}}
			start := time.Now()
			report, err := p.Verify(t.Context(), links...)
			t.Logf("verified in %s", time.Since(start).Round(time.Millisecond))
			if err != nil {
				_ = report.WriteText(os.Stderr)
			}
			require.NoError(t, err)
			for _, l := range report.Links {
				require.Len(t, l.Results, 10+len(w.istiods(l.From))-1)
				for _, r := range l.Results {
					want := probe.Passed
					if r.Check == "network-gateway" && o.Flat {
						want = probe.Skipped
					}
					require.Equal(t, want, r.Status, "%s -> %s: %s: %s; %s", l.From, l.To, r.Check, r.Summary, r.Hint)
				}
			}
		})
	}
}

// istiods of a cluster by its ID.
func (w *world) istiods(id peering.ID) []istiod.Replica {
	for _, c := range w.clusters {
		if c.ID == id {
			replicas, _ := c.Istiods.Replicas(context.Background())
			return replicas
		}
	}
	return nil
}

// TestFailoverThroughTheAdapters scales a real Deployment to zero and back.
func TestFailoverThroughTheAdapters(t *testing.T) {
	w, links := town(t, lab.DataPlane{})
	f := traffic.Workload{}.Failover(links[0].Sides())
	check, err := f.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, check.Replicas)
	f.Consent = links[0].From.ID.String() + " default/httpbin"
	report, err := f.Run(t.Context())
	require.NoError(t, err)
	t.Logf("%+v", report)
	require.Equal(t, probe.Passed, report.Answer.Status, "%s", report.Answer.Summary)
	require.True(t, report.Restored)
	require.NoError(t, w.Clusters[0].WaitPods(t.Context(), "default", "app=httpbin", 1))
}
