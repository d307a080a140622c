package traffic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// pair is two members and the link from east to west: west is read.
func pair() (mesh *peeringtest.Mesh, east, west *peeringtest.Member, link peering.Link) {
	mesh = peeringtest.NewMesh("east", "west")
	east, west = mesh.Member("east"), mesh.Member("west")
	return mesh, east, west, peering.Link{From: east.Cluster, To: west.Cluster}
}

func writes(m *peeringtest.Member) (n int) {
	for _, c := range m.Calls() {
		if c.Write() {
			n++
		}
	}
	return n
}

// must creates an object in a member, as somebody else would.
func must(t *testing.T, m *peeringtest.Member, o peering.Object) {
	t.Helper()
	_, err := m.Create(t.Context(), o)
	require.NoError(t, err)
}
