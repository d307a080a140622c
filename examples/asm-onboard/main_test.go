package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/transcript"
)

// From an instance's ID to peered clusters, as the README shows it: planned, applied, and nothing to do.
func TestStory(t *testing.T) {
	w := newWorld(t)
	tr := &transcript.Transcript{Elide: regexp.MustCompile(`^  grants beyond need`)}
	tr.Start(t)
	show := func(what string, exit int) {
		t.Helper()
		got := w.run(t, t.Context(), what)
		require.Equal(t, exit, got.exit, got.all())
		text := strings.ReplaceAll(got.stdout, w.mesh.Member("cluster-1").Endpoint.Server, "https://203.0.113.10:6443")
		tr.Block()
		tr.Show("go run -C examples/asm-onboard . -region cn-hangzhou "+what+" 2>progress.log", text)
	}
	show("-plan", 2)
	require.Zero(t, w.asm.Adds("cluster-2"))
	show("-apply", 0)
	require.Equal(t, 1, w.asm.Adds("cluster-2"))

	again := w.run(t, t.Context(), "-apply")
	require.Zero(t, again.exit, again.all())
	require.NotContains(t, again.stdout, "changes")
	require.NotContains(t, again.stdout, "created")
	require.Equal(t, 1, w.asm.Adds("cluster-2"))
	require.Len(t, w.asm.Calls("UpdateMeshMultiClusterNetwork"), 1)
	show("-plan", 0)
	tr.Check(t)
}
