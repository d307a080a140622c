package peering_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestNoWayBackAfterTheRevocation: once the old token is gone, a failure to see its refusal takes nothing back.
func TestNoWayBackAfterTheRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := &peering.Peering{AwaitRefusal: true}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		ctx, cancel := context.WithCancel(t.Context())
		west.After = func(c peeringtest.Call) error {
			if c.Verb == "delete" && c.Kind == "Secret" {
				cancel()
			}
			return nil
		}
		_, err = p.Rotate(ctx, link)
		require.ErrorIs(t, err, context.Canceled)
		west.After = nil
		require.False(t, accepted(t, west, old))
		now := bearerOf(t, east, west)
		require.NotEqual(t, old.Reveal(), now.Reveal())
		require.True(t, accepted(t, west, now), "From holds a credential that works")
	})
}

// TestTheSameTokenAgainIsKept: a source that gives the token which is in use has not made the old one useless.
func TestTheSameTokenAgainIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		shared := bearerOf(t, east, west)
		p := &peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource { return secrets.Static(shared) }}
		report, err := p.Rotate(t.Context(), link)
		require.NoError(t, err)
		require.NotEmpty(t, report.Links[0].Left)
		require.Contains(t, report.Links[0].Left[0].Reason, "the same token again")
		require.True(t, accepted(t, west, bearerOf(t, east, west)))
	})
}

// TestLinksShareNoEndpointThatDiffers: one link without verification leaves the others as they are.
func TestLinksShareNoEndpointThatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("a", "b", "read")
		to := mesh.Member("read").Cluster
		open := to.Endpoint
		open.CA, open.InsecureSkipTLSVerify = nil, true
		plan, err := new(peering.Peering).Plan(t.Context(), peering.Absent,
			peering.Link{From: mesh.Member("a").Cluster, To: to, Endpoint: &open},
			peering.Link{From: mesh.Member("b").Cluster, To: to, Endpoint: &secrets.Endpoint{Server: open.Server}})
		require.NoError(t, err)
		require.True(t, plan.Links[0].Intent.Insecure)
		require.False(t, plan.Links[1].Intent.Insecure)
	})
}

// TestHostedLinksAreNotSaidToEnd: what a hosted control plane reads is the host's, and no report says that it ended.
func TestHostedLinksAreNotSaidToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.New(peeringtest.Options{Names: []string{"hub", "member"}, Hosted: []string{"hub"}})
		link := peering.Link{From: mesh.Member("hub").Cluster, To: mesh.Member("member").Cluster}
		for _, verb := range []func(context.Context, ...peering.Link) (*peering.Report, error){new(peering.Peering).Remove, new(peering.Peering).Rotate} {
			report, err := verb(t.Context(), link)
			require.NoError(t, err)
			require.NotEqual(t, probe.Passed, report.Status())
			require.Contains(t, report.Links[0].Warnings[0], "is hosted")
		}
		plan, err := new(peering.Peering).Plan(t.Context(), peering.Absent, link)
		require.NoError(t, err)
		require.True(t, plan.Empty())
	})
}

// TestAFailedRemovalAsksForNoRenewal: nobody is told to call Ensure again on a link that is to end.
func TestAFailedRemovalAsksForNoRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		west.Inject(peeringtest.Fault{Match: peeringtest.On("delete", "ClusterRole"), Failure: peeringtest.Forbidden, Times: peeringtest.Always})
		report, err := p.Remove(t.Context(), link)
		require.Error(t, err)
		require.Zero(t, report.RenewAt())
	})
}

// unlisted finds its replicas once, and never again.
type unlisted struct {
	istiod.Reader
	times *atomic.Int32
}

func (u unlisted) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	if u.times.Add(1) > 1 {
		return nil, errors.New("forbidden")
	}
	return u.Reader.Replicas(ctx)
}

// TestReplicasThatCannotBeListedAgainConfirmNothing: one may have come meanwhile.
func TestReplicasThatCannotBeListedAgainConfirmNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		link.From.Istiods = unlisted{link.From.Istiods, new(atomic.Int32)}
		report, err := new(peering.Peering).Rotate(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Status(), "%v", report.Links[0].Results)
		require.True(t, accepted(t, west, old), "it may be in use")
	})
}
