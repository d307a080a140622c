package peering_test

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
)

func TestVerifyClimbsAndWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		before := writes(east) + writes(west)
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, before, writes(east)+writes(west))
		var checks []string
		for _, r := range report.Links[0].Results {
			require.Equal(t, probe.Passed, r.Status, "%s: %s", r.Check, r.Summary)
			require.NotEmpty(t, r.Summary)
			checks = append(checks, r.Check)
		}
		require.Equal(t, []string{"remote-secret", "credential", "rights", "istiod-synced"}, checks)
		require.NotNil(t, report.Links[0].Credential)
	})
}

// TestVerifyNamesTheFirstLevelThatFails: the last result is the diagnosis.
func TestVerifyNamesTheFirstLevelThatFails(t *testing.T) {
	for level, breakIt := range map[string]func(t *testing.T, east, west *peeringtest.Member){
		"remote-secret": func(t *testing.T, east, _ *peeringtest.Member) {
			require.NoError(t, east.Delete(t.Context(), secret("istio-remote-secret-west")))
		},
		"credential": func(t *testing.T, _, west *peeringtest.Member) {
			require.NoError(t, west.Delete(t.Context(), secret("meshpeer-reader-east-1")))
		},
		"rights": func(t *testing.T, _, west *peeringtest.Member) {
			require.NoError(t, west.Delete(t.Context(), clusterRoleBinding(t, west, "meshpeer-reader-east")))
		},
		"istiod-synced": func(_ *testing.T, east, _ *peeringtest.Member) {
			east.Istiods.Stick("istiod-1", istiod.NotSeen)
		},
	} {
		t.Run(level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := new(peering.Peering)
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				breakIt(t, east, west)
				report, err := p.Verify(t.Context(), link)
				require.Error(t, err)
				last := report.Links[0].Results[len(report.Links[0].Results)-1]
				require.Equal(t, level, last.Check)
				require.Equal(t, probe.Failed, last.Status)
				require.NotEmpty(t, last.Hint)
			})
		})
	}
}

// TestEndpointOutOfReachIsUnknown: an address that only From's network reaches is proved at To's own instead.
func TestEndpointOutOfReachIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		vpc := west.Endpoint
		vpc.Server = "https://vpc.example.invalid:6443"
		link.Endpoint = &vpc
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		var unsynced *peering.NotSyncedError
		require.ErrorAs(t, err, &unsynced, "the istiods of this mesh do not reach it either")
		require.Equal(t, peering.StageSync, report.Links[0].Error.Stage)
		require.Len(t, report.Links[0].Warnings, 2, "%v", report.Links[0].Warnings)
	})
}

func TestVerifyWithoutAnAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		west.Before = func(peeringtest.Call) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}
		report, err := p.Verify(t.Context(), link)
		require.Error(t, err)
		require.Equal(t, peering.StageConnect, report.Links[0].Error.Stage)
	})
}
