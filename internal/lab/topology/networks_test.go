//go:build linux

package topology_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// TestNetworksRootsAndTrustDomains peers each way and calls through each link: also those that preflight refuses, to see
// that it is right.
func TestNetworksRootsAndTrustDomains(t *testing.T) {
	w := inTown(t)
	cases := []struct {
		from, to string
		gateway  probe.Status // of the level network-gateway
		refused  string       // the check that fails; empty: peered, and calls are answered
	}{
		{north, south, probe.Skipped, ""}, // one network: Pods reach each other
		{south, north, probe.Skipped, ""},
		{south, west, probe.Passed, ""}, // two networks, two trust domains, each other's alias
		{west, south, probe.Passed, ""},
		{north, west, probe.Passed, ""},             // west accepts the domain of north
		{west, north, probe.Passed, "trust-domain"}, // north does not accept that of west
		{north, lone, probe.Passed, "root-ca"},      // two roots
		{lone, north, probe.Passed, "root-ca"},
	}
	var links []peering.Link
	for _, c := range cases {
		link := w.link(c.from, c.to)
		links = append(links, link)
		if c.refused == "" {
			continue
		}
		_, err := (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), link)
		blocked, refused := errors.AsType[*peering.PreflightError](err)
		require.True(t, refused, "%s: %v", link, err)
		require.Len(t, blocked.Findings, 1, "%s", link)
		require.Equal(t, c.refused, blocked.Findings[0].ID, "%s", link)
	}
	_, err := (&peering.Peering{Flavour: preflight.Upstream, Tolerate: []string{"root-ca", "trust-domain"}}).Ensure(t.Context(), links...)
	require.NoError(t, err)
	for i, c := range cases {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			workload := workloadOf(c.to)
			if c.refused != "" {
				workload.Poll.Timeout = briefly
			}
			verify := func() (*peering.Report, error) {
				return (&peering.Peering{Workload: workload}).Verify(t.Context(), links[i])
			}
			report, err := verify()
			for began := time.Now(); c.refused != "" && err == nil && time.Since(began) < patience; { // the time was too short to tell
				report, err = verify()
			}
			levels := results(report.Links[0])
			for _, check := range []string{"istiod-synced", "istiod-endpoints", "proxy-endpoints"} {
				require.Equal(t, probe.Passed, levels[check].Status, "%s: %s", check, levels[check].Summary)
			}
			require.Equal(t, c.gateway, levels["network-gateway"].Status, levels["network-gateway"].Summary)
			if c.refused != "" {
				require.Error(t, err) // the words are those of whichever proxy is faster
				require.Equal(t, probe.Failed, report.Status())
				for _, check := range []string{"teapot", "mutual-tls", "answered-by"} {
					require.NotEqual(t, probe.Passed, levels[check].Status, check)
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, probe.Passed, levels["answered-by"].Status, levels["answered-by"].Summary)
			require.Contains(t, levels["mutual-tls"].Summary, "mutual TLS observed")
		})
	}
}
