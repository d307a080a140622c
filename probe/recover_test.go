package probe_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestFailoverThatCannotGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("API server gone")
		d := newDeployment(3)
		d.fault = func(_ int, method string) fault {
			if method != "Ready" && len(d.writes) == 1 {
				return fault{before: broken}
			}
			return fault{}
		}
		f := failover(d)
		f.Restore = time.Minute
		start := time.Now()
		report, err := f.Run(t.Context())
		var left *probe.NotRestoredError
		require.ErrorAs(t, err, &left)
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "call Recover")
		require.False(t, report.Restored)
		require.Less(t, time.Since(start), 2*time.Minute)

		_, err = probe.Recover(t.Context(), f.Target, d)
		require.ErrorIs(t, err, broken)
		d.fault = nil
		_, err = failover(d).Run(t.Context())
		require.ErrorContains(t, err, "holds the record of another run")
		recovery, err := probe.Recover(t.Context(), f.Target, d)
		require.NoError(t, err)
		require.Equal(t, probe.Recovery{Found: true, Replicas: 3, At: start.UTC()}, recovery)
		require.Equal(t, 3, d.scale.Replicas)
		recovery, err = probe.Recover(t.Context(), f.Target, d)
		require.NoError(t, err)
		require.Equal(t, probe.Recovery{}, recovery)
	})
}

func TestRecover(t *testing.T) {
	const record = `{"run": "x", "replicas": 4, "at": "2026-01-02T03:04:05Z"}`
	t.Run("somebody scaled it", func(t *testing.T) {
		d := newDeployment(1)
		d.scale.Record = record
		recovery, err := probe.Recover(t.Context(), "httpbin", d)
		var changed *probe.ScaleChangedError
		require.ErrorAs(t, err, &changed)
		require.True(t, recovery.Found)
		require.Equal(t, 1, d.scale.Replicas)
		require.Empty(t, d.scale.Record)
	})
	t.Run("somebody restored it", func(t *testing.T) {
		d := newDeployment(4)
		d.scale.Record = record
		recovery, err := probe.Recover(t.Context(), "httpbin", d)
		require.NoError(t, err, "it has what it had")
		require.True(t, recovery.Found)
		require.Equal(t, 4, recovery.Replicas)
		require.Equal(t, 4, d.scale.Replicas)
		require.Empty(t, d.scale.Record)
	})
	t.Run("somebody restored a part", func(t *testing.T) {
		d := newDeployment(3)
		d.scale.Record = record
		recovery, err := probe.Recover(t.Context(), "httpbin", d)
		require.EqualError(t, err, "probe: somebody else scaled httpbin to 3 while it was at zero; it had 4: see that this is what you want")
		require.Equal(t, 4, recovery.Replicas)
		require.Equal(t, 3, d.scale.Replicas)
		require.Empty(t, d.scale.Record)
	})
	t.Run("somebody took the record away", func(t *testing.T) {
		for _, replicas := range []int{0, 3, 4} {
			d := newDeployment(replicas)
			recovery, err := probe.Recover(t.Context(), "httpbin", d)
			require.NoError(t, err)
			require.False(t, recovery.Found)
			require.Empty(t, d.writes)
		}
	})
	t.Run("a record nobody wrote", func(t *testing.T) {
		for _, text := range []string{"x", "{}", `{"run": "x", "replicas": 0}`, `{"run": "x", "replicas": -1}`} {
			d := newDeployment(0)
			d.scale.Record = text
			_, err := probe.Recover(t.Context(), "httpbin", d)
			require.ErrorContains(t, err, "is not a record of a failover")
			require.Empty(t, d.writes)
		}
	})
	for name, tt := range map[string]struct {
		faults int
		err    error
		want   string
	}{
		"conflicts pass":       {4, probe.ErrConflict, ""},
		"conflicts never pass": {5, probe.ErrConflict, "5 times"},
		"it may not write":     {1, errors.New("forbidden"), "still lacks its 4 replicas: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(0)
			d.scale.Record = record
			d.fault = func(_ int, method string) fault {
				if method == "Write" && tt.faults > 0 {
					tt.faults--
					return fault{before: tt.err}
				}
				return fault{}
			}
			recovery, err := probe.Recover(t.Context(), "httpbin", d)
			require.True(t, recovery.Found)
			require.Equal(t, 4, recovery.Replicas)
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, 4, d.scale.Replicas)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorIs(t, err, tt.err)
			var left *probe.NotRestoredError
			require.ErrorAs(t, err, &left, "it is still at zero")
			require.Equal(t, 4, left.Replicas)
			require.Zero(t, d.scale.Replicas)
		})
	}
}

// However many calls fail, the object is either as it was or can be recovered.
func TestFailoverUnderAnyFaults(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 1))
			d := newDeployment(3)
			broken := errors.New("connection reset")
			d.fault = func(int, string) fault {
				return []fault{{}, {}, {}, {before: broken}, {after: broken}, {before: probe.ErrConflict}, {then: func(d *deployment) { d.version++ }}}[chance.IntN(7)]
			}
			report, err := failover(d).Run(t.Context())
			d.fault = nil
			if report.Restored {
				require.NotZero(t, d.scale.Replicas)
			}
			if d.scale.Replicas == 0 {
				require.Error(t, err)
				_, err := probe.Recover(t.Context(), "httpbin", d)
				require.NoError(t, err)
			}
			require.Equal(t, 3, d.scale.Replicas, "seed %d", seed)
			require.Empty(t, d.scale.Record, "seed %d", seed)
		})
	}
}

// A reply that is lost may hide that it was done; what cannot be read was not.
func TestFailoverWhoseReplyIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		d := newDeployment(3)
		d.fault = func(_ int, method string) fault {
			if method == "Write" && len(d.writes) == 0 {
				return fault{after: broken}
			}
			return fault{}
		}
		report, err := failover(d).Run(t.Context())
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "call Recover later")
		require.True(t, report.Restored)
		require.Equal(t, 3, d.scale.Replicas)

		d = newDeployment(3)
		d.fault = func(int, string) fault { return fault{before: broken} }
		start := time.Now()
		_, err = failover(d).Run(t.Context())
		require.ErrorIs(t, err, broken)
		require.Zero(t, time.Since(start), "nothing was tried, so there is nothing to give back")
	})
}
