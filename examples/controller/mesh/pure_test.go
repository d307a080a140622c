package mesh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// TestReasons: every class of failure has a code that a condition may have, and what was not seen is not called wrong.
func TestReasons(t *testing.T) {
	group := schema.GroupResource{Resource: "secrets"}
	for want, err := range map[string]error{
		ReasonForeignObject:    &peering.ForeignObjectError{},
		ReasonDuplicateCluster: &peering.DuplicateClusterError{},
		ReasonSameCluster:      &peering.SameClusterError{},
		ReasonMissingRights:    &peering.MissingRightsError{},
		ReasonWrongIdentity:    &peering.WrongIdentityError{},
		ReasonRefusedToken:     &peering.RefusedTokenError{},
		ReasonPreflight:        &peering.PreflightError{},
		ReasonHazard:           &peering.HazardError{},
		ReasonNotSynced:        &peering.NotSyncedError{},
		ReasonForbidden:        apierrors.NewForbidden(group, "x", errors.New("no")),
		ReasonUnauthorized:     apierrors.NewUnauthorized("no"),
		ReasonConflict:         apierrors.NewConflict(group, "x", errors.New("no")),
		ReasonTimeout:          context.DeadlineExceeded,
		ReasonUnreachable:      &net.OpError{Op: "dial", Err: errors.New("refused")},
		ReasonMemberUnknown:    &MemberError{ID: "x", Err: errors.New("no")},
		ReasonFailed:           errors.New("anything"),
	} {
		got, unknown := reasonOf(&peering.Error{Err: fmt.Errorf("wrapped: %w", err)})
		require.Equal(t, want, got)
		require.Equal(t, want == ReasonConflict || want == ReasonTimeout || want == ReasonUnreachable || want == ReasonMemberUnknown, unknown, want)
		require.Empty(t, validation.IsCIdentifier(got))
	}
}

// TestSpread: over the window, after its start, in few groups, and the same each time.
func TestSpread(t *testing.T) {
	start, window := time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC), time.Hour
	groups := map[time.Time]int{}
	for i := range 1000 {
		pair := Pair{"cluster-1", fmt.Sprintf("cluster-%d", i)}
		at := spread(start, window, pair, "")
		require.Equal(t, at, spread(start, window, pair, ""))
		require.False(t, at.Before(start))
		require.False(t, at.After(start.Add(window+window/steps)))
		groups[at]++
	}
	require.LessOrEqual(t, len(groups), steps+1)
	require.GreaterOrEqual(t, len(groups), steps)
	for at, n := range groups {
		require.Less(t, n, 1000/steps*2, at)
	}
	require.Equal(t, start, spread(start, 0, Pair{}, ""))
}

// TestTimesAreDue: a time that the API cuts to seconds is not before the moment that it stands for.
func TestTimesAreDue(t *testing.T) {
	at := time.Date(2000, 1, 1, 0, 0, 1, 5, time.UTC)
	require.Equal(t, at.Truncate(time.Second).Add(time.Second), timeOf(at).Time)
	require.Equal(t, at.Truncate(time.Second), timeOf(at.Truncate(time.Second)).Time)
	require.Nil(t, timeOf(time.Time{}))
}

// TestTextsAreShort: whatever an error says, it fits into a status, and is cut between two letters.
func TestTextsAreShort(t *testing.T) {
	l := &v1alpha1.LinkStatus{}
	long := rand.Text()
	for len(long) < 2*maxMessage {
		long += "ä\n"
	}
	blame(l, v1alpha1.Ready, errors.New(long))
	require.LessOrEqual(t, len(l.Faults[0].Message), maxMessage+3)
	require.NotContains(t, l.Faults[0].Message, "\n")
	require.True(t, []rune(l.Faults[0].Message)[0] != 0xfffd)
	require.NotContains(t, l.Faults[0].Message, "\ufffd")
}
