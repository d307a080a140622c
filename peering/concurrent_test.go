package peering_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestTwoAtOnce: two programs run the same Ensure. Both succeed, and there is one credential per link.
func TestTwoAtOnce(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		for round := range 20 { // the race is decided by the scheduler
			t.Run(fmt.Sprint(kind, round), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mesh, east, west, _ := pair()
					slow := func(peeringtest.Call) error { time.Sleep(time.Duration(round) * time.Millisecond); return nil }
					east.Before, west.Before = slow, slow
					var wg sync.WaitGroup
					errs := make([]error, 2)
					for i := range errs {
						wg.Go(func() {
							_, errs[i] = (&peering.Peering{Credential: kind}).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
						})
					}
					wg.Wait()
					require.NoError(t, errors.Join(errs...))
					for _, m := range []*peeringtest.Member{east, west} {
						tokens, err := m.List(t.Context(), secret(""), peering.LabelGeneration)
						require.NoError(t, err)
						require.Len(t, tokens, 1)
					}
				})
			})
		}
	}
}

// TestAbandonedRunIsTakenOver: a run that died at each of its writes is repaired by the next one, which waits no longer
// than its patience.
func TestAbandonedRunIsTakenOver(t *testing.T) {
	for _, dies := range []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret meshpeer-reader-east-1", "Secret istio-remote-secret-west"} {
		t.Run(dies, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				var died atomic.Bool
				dead := func(peeringtest.Call) error {
					if died.Load() {
						return errors.New("process is dead")
					}
					return nil
				}
				die := func(c peeringtest.Call) error { // nothing more reaches a server once the write is done
					if err := dead(c); err != nil {
						return err
					}
					if c.Verb == "create" && (c.Kind == dies || c.Kind+" "+c.Name == dies) {
						died.Store(true)
					}
					return nil
				}
				east.After, west.After, east.Before, west.Before = die, die, dead, dead
				_, _ = new(peering.Peering).Ensure(t.Context(), link) // whom would it tell
				east.After, west.After, east.Before, west.Before = nil, nil, nil, nil

				start := time.Now()
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
				require.LessOrEqual(t, time.Since(start), 35*time.Second)
				tokens, err := west.List(t.Context(), secret(""), peering.LabelGeneration)
				require.NoError(t, err)
				require.Len(t, tokens, 1, "no orphan credential")
				plan, err := new(peering.Peering).Plan(t.Context(), peering.Present, link)
				require.NoError(t, err)
				require.True(t, plan.Empty())
			})
		})
	}
}

// TestSlowRunDoesNotUndoWhatAnotherTookOver: the first run stalls past the other's patience, fails, and must not delete the
// account that the other one built on.
func TestSlowRunDoesNotUndoWhatAnotherTookOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		var stalled atomic.Bool
		west.Before = func(c peeringtest.Call) error {
			if c.Verb == "create" && c.Kind == "ClusterRole" && stalled.CompareAndSwap(false, true) {
				time.Sleep(2 * time.Minute)
				return errors.New("connection reset")
			}
			return nil
		}
		var wg sync.WaitGroup
		var slow error
		var report *peering.Report
		wg.Go(func() { report, slow = new(peering.Peering).Ensure(t.Context(), link) })
		time.Sleep(time.Second)
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		wg.Wait()
		require.Error(t, slow)
		require.NotEmpty(t, report.Links[0].Left)
		for _, left := range report.Links[0].Left {
			require.Contains(t, left.Reason, "has taken this link over")
		}
		verified, err := new(peering.Peering).Verify(context.WithoutCancel(t.Context()), link)
		require.NoError(t, err, "%+v", verified)
	})
}
