package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// From an instance ID to peered clusters: planned, applied, and nothing to do.
func TestStory(t *testing.T) {
	w := newWorld(t)
	plan := w.run(t, t.Context(), "-plan")
	t.Log(plan.all())
	require.Equal(t, 2, plan.exit)
	require.Zero(t, w.asm.Adds("cluster-2"))

	applied := w.run(t, t.Context(), "-apply")
	t.Log(applied.all())
	require.Equal(t, 0, applied.exit)
	require.Equal(t, 1, w.asm.Adds("cluster-2"))

	again := w.run(t, t.Context(), "-apply")
	t.Log(again.all())
	require.Equal(t, 0, again.exit)
	require.Equal(t, 1, w.asm.Adds("cluster-2"))
	require.Len(t, w.asm.Calls("UpdateMeshMultiClusterNetwork"), 1)

	nothing := w.run(t, t.Context(), "-plan")
	require.Equal(t, 0, nothing.exit, nothing.all())
}
