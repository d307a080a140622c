package peeringtest_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestSplitBeforeEnsure: preflight takes the gateways of a split mesh for what they are.
func TestSplitBeforeEnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "west")
		mesh.Split()
		_, err := new(peering.Peering).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
		require.NoError(t, err)
	})
}
