package peering_test

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestRemoveLeavesNothing(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh, east, west, _ := pair()
				links := peering.Mesh(mesh.Clusters()...)
				p := &peering.Peering{Credential: kind}
				_, err := p.Ensure(t.Context(), links...)
				require.NoError(t, err)
				report, err := p.Remove(t.Context(), links...)
				require.NoError(t, err)
				require.Equal(t, probe.Passed, report.Status())
				require.Empty(t, contents(t, east))
				require.Empty(t, contents(t, west))
				checks := map[string]bool{}
				for _, r := range report.Links[0].Results {
					checks[r.Check] = true
				}
				require.True(t, checks["istiod-forgot"] && checks["credential-refused"], "%v", checks)

				again, err := p.Remove(t.Context(), links...)
				require.NoError(t, err)
				require.False(t, again.Changed())
			})
		})
	}
}

func TestRemoveGoesOnAndNamesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		west.Before = func(c peeringtest.Call) error {
			if c.Verb == "delete" && c.Kind == "ClusterRole" {
				return errors.New("connection refused")
			}
			return nil
		}
		report, err := p.Remove(t.Context(), link)
		require.Error(t, err)
		require.Len(t, report.Links[0].Left, 1)
		require.Equal(t, "ClusterRole/meshpeer-reader-east", report.Links[0].Left[0].Object)
		require.Len(t, contents(t, west), 1, "the steps after it were done")
		west.Before = nil
		_, err = p.Remove(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, contents(t, west))
	})
}

// TestRemoveWithOneSideDead: the other half proceeds, what is left is named, and a later call finishes it.
func TestRemoveWithOneSideDead(t *testing.T) {
	dead := func(peeringtest.Call) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	for side, left := range map[string][]string{
		"from": {"Secret/istio-system/istio-remote-secret-west"},
		"to": {
			"Token/istio-system/meshpeer-reader-east-1", "ClusterRoleBinding/meshpeer-reader-east", "ClusterRole/meshpeer-reader-east",
			"ServiceAccount/istio-system/meshpeer-reader-east",
		},
	} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := new(peering.Peering)
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				gone, alive := east, west
				if side == "to" {
					gone, alive = west, east
				}
				gone.Before = dead
				report, err := p.Remove(t.Context(), link)
				require.Error(t, err)
				var names []string
				for _, c := range report.Links[0].Left {
					names = append(names, c.Object)
				}
				require.Equal(t, left, names)
				require.Empty(t, contents(t, alive))

				gone.Before = nil
				_, err = p.Remove(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, contents(t, gone))
			})
		})
	}
}
