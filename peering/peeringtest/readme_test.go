package peeringtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// Onboard is a tool under test: it joins a cluster to a mesh.
func Onboard(ctx context.Context, newcomer *peering.Cluster, mesh ...*peering.Cluster) (*peering.Report, error) {
	return new(peering.Peering).Ensure(ctx, peering.Star(newcomer, mesh...)...)
}

func TestOnboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // waits cost no time
		mesh := peeringtest.NewMesh("east", "west", "new")
		east, west, newcomer := mesh.Member("east"), mesh.Member("west"), mesh.Member("new")
		_, err := Onboard(t.Context(), newcomer.Cluster, east.Cluster, west.Cluster)
		require.NoError(t, err)

		// Again: nothing to do.
		report, err := Onboard(t.Context(), newcomer.Cluster, east.Cluster, west.Cluster)
		require.NoError(t, err)
		require.False(t, report.Changed())
	})
}

func TestOnboardToldWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "new")
		east, newcomer := mesh.Member("east"), mesh.Member("new")
		fault := east.Inject(peeringtest.Fault{Match: peeringtest.On("create", "ClusterRole"), Times: peeringtest.Always, Failure: peeringtest.Forbidden})
		_, err := Onboard(t.Context(), newcomer.Cluster, east.Cluster)
		failed, ok := errors.AsType[*peering.Error](err)
		require.True(t, ok)
		require.Equal(t, east.ID, failed.On)
		require.Equal(t, peering.StageGrant, failed.Stage)
		require.NotEmpty(t, failed.Hint)
		require.NotEmpty(t, fault.Hits())
	})
}
