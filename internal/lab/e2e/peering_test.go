//go:build linux

package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// preflightAgent is how preflight, which has a budget of its own, appears in audit logs.
const preflightAgent = "meshpeer/v0 preflight"

// TestCostOfPeering counts in the API servers' own audit logs.
func TestCostOfPeering(t *testing.T) {
	w := sharedWorld(t)
	links := peering.Mesh(w.clusters...)
	removeAfter(t, links...)
	var p *peering.Peering
	measure := func(verb string, do func() (*peering.Report, error)) (total lab.AuditCount) {
		marks := make([]lab.AuditMark, len(w.Clusters))
		for i, c := range w.Clusters {
			marks[i] = c.Audit()
		}
		preflight := 0
		report, err := do()
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
		for i, c := range w.Clusters {
			events, err := c.AuditSince(marks[i])
			require.NoError(t, err)
			n := lab.CountAudit(events, func(e lab.AuditEvent) bool {
				return strings.HasPrefix(e.UserAgent, "meshpeer/") && e.UserAgent != preflightAgent
			})
			before := lab.CountAudit(events, func(e lab.AuditEvent) bool { return e.UserAgent == preflightAgent })
			preflight += before.Reads + before.Other
			require.Zero(t, before.Writes, "preflight reads only")
			require.Zero(t, lab.CountAudit(events, func(e lab.AuditEvent) bool {
				return e.User == "system:apiserver" && e.Resource == "secrets"
			}).Writes, "the day of a token's first use is written with it")
			total.Writes += n.Writes
			total.Reads += n.Reads
			total.Tokens += n.Tokens
			total.Reviews += n.Reviews
			total.Streams += n.Streams
		}
		t.Logf("%-12s %d links, %d clusters: %d writes, %d reads, %d token requests, %d reviews, %d streams; preflight %d reads; in %s",
			verb, len(links), len(w.Clusters), total.Writes, total.Reads, total.Tokens, total.Reviews, total.Streams, preflight, report.Took.Round(time.Millisecond))
		return total
	}
	n := len(links)
	for _, budget := range []struct {
		profile       rbac.Profile
		writes, lists int // of a new link; of a cluster
	}{{rbac.ASM, 6, 8}, {rbac.Minimal, 8, 10}} {
		t.Log(budget.profile)
		p = &peering.Peering{Reader: rbac.Options{Profile: budget.profile}}
		first := measure("new", func() (*peering.Report, error) { return p.Ensure(t.Context(), links...) })
		require.LessOrEqual(t, first.Writes, budget.writes*n)
		require.LessOrEqual(t, first.Reads+first.Reviews, 5*n+budget.lists*len(w.Clusters))
		again := measure("no-op", func() (*peering.Report, error) { return p.Ensure(t.Context(), links...) })
		require.Zero(t, again.Writes+again.Tokens)
		require.LessOrEqual(t, again.Reads+again.Reviews, 2*n+budget.lists*len(w.Clusters))
		measure("verify", func() (*peering.Report, error) { return p.Verify(t.Context(), links...) })
		measure("remove", func() (*peering.Report, error) { return p.Remove(t.Context(), links...) })
	}
}

// TestEveryProfilePeers: the istiods of the lab sync with each role, and what is there is found good the second time.
func TestEveryProfilePeers(t *testing.T) {
	w := sharedWorld(t)
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	removeAfter(t, link)
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
			t.Run(profile.String()+" "+string(kind), func(t *testing.T) {
				p := &peering.Peering{Reader: rbac.Options{Profile: profile}, Credential: kind}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, probe.Passed, report.Status(), "%+v", report.Links[0])
				again, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.False(t, again.Changed(), "%+v", again.Links[0].Changes)
			})
		}
	}
}

// TestBoundTokenIsCapped: the API server grants less than was asked for and says so in a warning header only.
func TestBoundTokenIsCapped(t *testing.T) {
	w := start(t,
		lab.ClusterOptions{ID: "capped", NoIstiod: true, MaxTokenLife: time.Hour},
		lab.ClusterOptions{ID: "reader", NoIstiod: true})
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	p := &peering.Peering{Credential: secrets.KindBound, Lifetime: 24 * time.Hour}
	report, err := p.Ensure(t.Context(), link)
	require.NoError(t, err)
	l := report.Links[0]
	require.Equal(t, probe.Unknown, l.Status, "no istiod here to ask")
	require.WithinDuration(t, time.Now().Add(time.Hour), l.Credential.Expires, time.Minute)
	require.WithinDuration(t, time.Now().Add(48*time.Minute), l.RenewAt, 2*time.Minute)
	require.NotEmpty(t, l.Warnings, "a shorter life is said aloud")
}

// TestRevokedTokenIsRefused: both kinds die with their object. API servers forget a token within 10 s, which is waited for once.
func TestRevokedTokenIsRefused(t *testing.T) {
	w := sharedWorld(t)
	for i, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		link := peering.Mesh(w.clusters...)[i]
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := &peering.Peering{Credential: kind}
			_, err := p.Ensure(t.Context(), link)
			require.NoError(t, err)
			report, err := p.Remove(t.Context(), link)
			require.NoError(t, err)
			last := report.Links[0].Results[len(report.Links[0].Results)-1]
			require.Equal(t, "credential-refused", last.Check)
			require.Equal(t, probe.Passed, last.Status)
			t.Logf("401 after %s", last.Took.Round(100*time.Millisecond))
		})
	}
}
