package peeringtest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestReads: what an istiod says of itself is not enough, and one that says less is not, either.
func TestReads(t *testing.T) {
	_, east, west, _ := eastReadsWest(t, new(peering.Peering))
	require.True(t, east.Istiods.Reads("east"), "its own")
	require.False(t, west.Istiods.Reads("east"), "the link has one direction")
	require.False(t, east.Istiods.Reads("north"))

	east.Istiods.Add(peeringtest.Replica{Name: "istiod-2", Lag: time.Hour})
	require.False(t, east.Istiods.Reads("west"), "every replica has to")
	east.Istiods.Drop("istiod-2")
	require.True(t, east.Istiods.Reads("west"))

	east.Istiods.Stick("istiod-1", istiod.Synced) // as a real one that lost its credential
	west.RewriteTokens()
	require.False(t, east.Istiods.Reads("west"))
	east.Istiods.Scale()
	require.False(t, east.Istiods.Reads("east"), "there is none")

	hosted := peeringtest.New(peeringtest.Options{Names: []string{"managed", "own"}, Hosted: []string{"managed"}})
	require.True(t, hosted.Member("managed").Istiods.Reads("own"))
	require.False(t, hosted.Member("own").Istiods.Reads("managed"))
}

// TestAnotherCA: a remote secret whose CA does not vouch for the API server makes no istiod read it.
func TestAnotherCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "west", "north")
		east, west := mesh.Member("east"), mesh.Member("west")
		link := peering.Link{From: east.Cluster, To: west.Cluster}
		link.Endpoint = &secrets.Endpoint{Server: west.Cluster.Endpoint.Server, CA: mesh.Member("north").Cluster.Endpoint.CA}
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.ErrorContains(t, err, "unknown authority")

		_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
		require.NoError(t, err)
		secret, err := secrets.Build(secrets.Remote{Cluster: "west", Endpoint: *link.Endpoint, Token: inUse(t, east)}, secrets.Options{Name: "istio-remote-secret-west"})
		require.NoError(t, err)
		_, err = east.Update(t.Context(), secret)
		require.NoError(t, err)
		require.Equal(t, []istiod.Status{istiod.TimedOut}, statusOf(t, east, "west"))
		require.False(t, east.Istiods.Reads("west"))
	})
}

// TestStop: an API server that is down refuses at once, what istiods read they read still, and it comes back as it was.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, _ := eastReadsWest(t, new(peering.Peering))
		start := time.Now()
		west.Stop()
		_, err := west.Get(t.Context(), configMap("a"))
		require.True(t, utilnet.IsConnectionRefused(err), "%v", err)
		require.Zero(t, time.Since(start))
		require.Equal(t, []istiod.Status{istiod.Synced}, statusOf(t, east, "west"))
		west.Heal()
		_, err = west.Create(t.Context(), configMap("a"))
		require.NoError(t, err)
		require.True(t, east.Istiods.Reads("west"))
	})
}

// TestUnknownKind: a list of a kind that cannot be asked for is no empty list.
func TestUnknownKind(t *testing.T) {
	_, err := peeringtest.NewMesh("east").Member("east").List(t.Context(), &appsv1.Deployment{}, "")
	require.ErrorContains(t, err, "TypeMeta")
}
