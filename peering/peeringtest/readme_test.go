package peeringtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
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
		require.True(t, newcomer.Istiods.Reads("east"))

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

// Keep is a tool under test: it renews credentials before they end.
func Keep(ctx context.Context, p *peering.Peering, links ...peering.Link) error {
	for {
		report, err := p.Ensure(ctx, links...)
		if report == nil {
			return err // links that cannot be
		}
		wait := time.Hour
		if at := report.RenewAt(); !at.IsZero() { // zero: nothing expires
			wait = min(wait, time.Until(at)) // a link that failed asks for a minute
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func TestKeep(t *testing.T) {
	for name, outage := range map[string]func(*peeringtest.Member){
		"none":    func(*peeringtest.Member) {},
		"stopped": func(west *peeringtest.Member) { west.Stop() },
		"cut off": func(west *peeringtest.Member) { west.Partition() },
		"throttled": func(west *peeringtest.Member) {
			west.Inject(peeringtest.Fault{Times: peeringtest.Always, Failure: peeringtest.Throttled})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.NewMesh("east", "west")
				east, west := mesh.Member("east"), mesh.Member("west")
				west.MaxTokenLife = time.Hour // whatever is asked for
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					_ = Keep(ctx, &peering.Peering{Credential: secrets.KindBound}, peering.Link{From: east.Cluster, To: west.Cluster})
				}()

				time.Sleep(47 * time.Minute)
				outage(west) // for two minutes, and in them the time to renew
				time.Sleep(2 * time.Minute)
				west.Heal()
				for range 24 {
					time.Sleep(time.Hour)
					require.True(t, east.Istiods.Reads("west"))
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}
