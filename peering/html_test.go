package peering_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

func writeHTML(t testing.TB, r *peering.Report, o peering.HTMLOptions) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteHTML(&out, o))
	return out.String()
}

func TestHTML(t *testing.T) {
	report, options := asmReport()
	text := writeHTML(t, report, options)
	golden.Equal(t, "report.html", []byte(text))
	requireSelfContained(t, text)
	for range 5 {
		again, options := asmReport()
		require.Equal(t, text, writeHTML(t, again, options))
	}
}

func TestHTMLOfEverything(t *testing.T) {
	report := sample()
	report.Links[0].Findings = []preflight.Finding{{ID: "versions", Status: probe.Warned, Subject: "east", Evidence: "old", Remedy: "upgrade"}}
	text := writeHTML(t, report, peering.HTMLOptions{})
	requireSelfContained(t, text)
	for _, want := range []string{
		"<title>Peering of 2 clusters: failed</title>", "preflight versions", "upgrade", "requested expiration shortened", "0123abcd",
		"2026-01-02T03:04:05Z", "grant nodes", "no token", "is kube-controller-manager running?", "undo failed: connection refused", "the newest role was taken",
	} {
		require.Contains(t, text, want)
	}
}
