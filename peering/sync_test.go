package peering_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

func TestNoIstiodIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Istiods.Scale()
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Status())
		require.NotEmpty(t, report.Links[0].Results[0].Hint)
		require.NotEmpty(t, contents(t, east), "the peering stays")
	})
}

func TestReplicaThatCannotBeAskedHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Istiods.Scale("istiod-1", "istiod-2")
		east.Istiods.FailReplica("istiod-2", errors.New("connection refused"))
		report, err := (&peering.Peering{SyncTimeout: 5 * time.Second}).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Links[0].Results[0].Status)
		require.Equal(t, probe.Unknown, report.Links[0].Results[1].Status)
	})
}

// TestIstiodThatNeverSyncs: which level failed, and what to do. The peering stays unless the caller wants otherwise.
func TestIstiodThatNeverSyncs(t *testing.T) {
	for level, hint := range map[istiod.Status]string{
		istiod.NotSeen:  "refused or never saw the Secret",
		istiod.TimedOut: "reachable from istiod's pods",
		istiod.Syncing:  "reachable from istiod's pods",
		istiod.Closed:   "call again",
	} {
		for _, undo := range []bool{false, true} {
			t.Run(string(level), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					east.Istiods.Stick("istiod-1", level)
					report, err := (&peering.Peering{UndoUnsynced: undo}).Ensure(t.Context(), link)
					var unsynced *peering.NotSyncedError
					require.ErrorAs(t, err, &unsynced)
					require.Equal(t, level, unsynced.Level)
					require.Contains(t, report.Links[0].Results[0].Hint, hint)
					require.Equal(t, undo, len(contents(t, east)) == 0)
					require.Equal(t, undo, len(contents(t, west)) == 0)
				})
			})
		}
	}
}

func TestRightTakenAwayIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		role := clusterRole(t, west, "meshpeer-reader-east")
		role.Rules[1].Resources = []string{"pods", "services", "namespaces", "secrets"}
		_, err = west.Update(t.Context(), role)
		require.NoError(t, err)

		_, err = p.Verify(t.Context(), link)
		var rights *peering.MissingRightsError
		require.ErrorAs(t, err, &rights)
		require.Len(t, rights.Missing, 1)
		require.Equal(t, []string{"nodes"}, rights.Missing[0].Resources)
		require.Equal(t, []string{"list", "watch"}, rights.Missing[0].Verbs)
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Istiods.Stick("istiod-1", istiod.Syncing)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		report, err := new(peering.Peering).Ensure(ctx, link)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, peering.StageSync, report.Links[0].Error.Stage)
		require.NotEmpty(t, contents(t, east), "verify steps never undo")
	})
}

func TestEventsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := pair()
		var stages []peering.Stage
		p := &peering.Peering{Observe: func(e peering.Event) {
			require.Equal(t, peering.EventSchema, e.Schema)
			require.Equal(t, "east", e.From.String())
			stages = append(stages, e.Stage)
		}}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, []peering.Stage{
			peering.StageGrant, peering.StageGrant, peering.StageGrant, peering.StageMint, peering.StageShare, peering.StageSync,
		}, stages)
	})
}
