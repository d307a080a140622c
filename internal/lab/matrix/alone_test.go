//go:build linux

package matrix_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestAlone runs the life of a peering with each version in both clusters.
func TestAlone(t *testing.T) {
	for _, v := range versions {
		t.Run(v.Name, func(t *testing.T) {
			w := inhabited(t, v, v)
			p := w.peering()
			links := peering.Mesh(w.clusters...)
			back := links[1] // cluster-2, with its two istiods, reads cluster-1
			row := func(column string, test func(t *testing.T) string) { see(t, titleAlone, v.Name, column, test) }
			row("peer", func(t *testing.T) string {
				report, err := p.Ensure(t.Context(), links...)
				labtest.Passed(t, report, err)
				again, err := p.Ensure(t.Context(), links...)
				require.NoError(t, err)
				require.False(t, again.Changed(), "%+v", again.Links)
				return "synced both ways"
			})
			row("verify", func(t *testing.T) string {
				report, err := p.Verify(t.Context(), links...)
				labtest.Passed(t, report, err)
				return "passed, mutual TLS"
			})
			row("traffic", func(t *testing.T) string {
				for _, link := range links {
					w.answers(t, link)
				}
				return "both ways"
			})
			row("rotate", func(t *testing.T) string {
				return w.underTraffic(t, v, back, func() (*peering.Report, error) { return p.Rotate(t.Context(), back) })
			})
			row("remove", func(t *testing.T) string {
				report, err := p.Remove(t.Context(), links...)
				labtest.Passed(t, report, err)
				w.gone(t, back)
				return "unlisted, refused"
			})
			row("adopt", func(t *testing.T) string {
				labtest.ShareByHand(t, w.Clusters[0], back.From)
				w.synced(t, back)
				adopter := *p
				adopter.Adopt = peering.AdoptRevoke
				report, err := adopter.Ensure(t.Context(), back)
				labtest.Passed(t, report, err)
				credentials, err := peering.Credentials(t.Context(), w.clusters...)
				require.NoError(t, err)
				require.Len(t, credentials, 1, "istioctl's token is revoked")
				require.Equal(t, "cluster-2 -> cluster-1", credentials[0].Link)
				return "taken over"
			})
		})
	}
}

// peering is set up for any version: with the least role, and a way to restart istiods that need it.
func (w *world) peering() *peering.Peering {
	return &peering.Peering{
		Flavour: preflight.Upstream, Reader: rbac.Options{Profile: rbac.Minimal},
		Workload: &traffic.Workload{Control: labtest.Outsider}, RestartIstiods: w.restart,
	}
}

// alone leaves the caller's cluster without httpbin while test runs, so that every request crosses.
func (w *world) alone(t *testing.T, link peering.Link, test func()) {
	t.Helper()
	here := w.Cluster(link.From.ID.String())
	require.NoError(t, here.Scale(t.Context(), "default", "httpbin", 0))
	require.NoError(t, here.WaitPods(t.Context(), "default", "app=httpbin", 0))
	test()
	require.NoError(t, here.Scale(t.Context(), "default", "httpbin", 1))
	require.NoError(t, here.WaitPods(t.Context(), "default", "app=httpbin", 1))
}

// answers waits until the cluster that a link leads to answers alone.
func (w *world) answers(t *testing.T, link peering.Link) {
	t.Helper()
	w.alone(t, link, func() { w.asked(t, link) })
}

// asked waits until the cluster that a link leads to answers.
func (w *world) asked(t *testing.T, link peering.Link) {
	t.Helper()
	who := probe.Retry(traffic.Workload{}.Who(link.Sides()), probe.Poll{Timeout: labtest.Patience}).Probe(t.Context())
	require.Equal(t, probe.Passed, who.Status, "%s: %s", who.Summary, who.Hint)
}

// underTraffic changes the credential of a link twice while a client calls over it. Requests may fail only where the hazards of
// the version say so.
func (w *world) underTraffic(t *testing.T, reader lab.Release, link peering.Link, change func() (*peering.Report, error)) (cell string) {
	t.Helper()
	w.alone(t, link, func() {
		w.asked(t, link)
		c := labtest.Call(t, w.Cluster(link.From.ID.String()), "sleep")
		for range 2 {
			c.During(t, "the change", change)
		}
		answered, bad := c.Stop(t)
		t.Logf("%d requests, %d failed: %v", answered, len(bad), bad[:min(len(bad), 5)])
		if !has(reader, "stop-then-start") {
			require.Empty(t, bad, "of %d requests", answered)
		}
		cell = fmt.Sprintf("twice, %d of %d requests failed", len(bad), answered)
	})
	return cell
}

// each asks every istiod of the reading cluster until it says what is wanted of the other.
func (w *world) each(t *testing.T, link peering.Link, want istiod.Status) {
	t.Helper()
	for _, replica := range w.Cluster(link.From.ID.String()).Istiods {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			status, _, err := labtest.Look(ctx, replica, link.To.ID.String())
			require.NoError(c, err)
			require.Equal(c, want, status, replica.Name)
		}, labtest.Patience, labtest.Tick)
	}
}

func (w *world) synced(t *testing.T, link peering.Link) { t.Helper(); w.each(t, link, istiod.Synced) }

func (w *world) gone(t *testing.T, link peering.Link) { t.Helper(); w.each(t, link, istiod.NotSeen) }
