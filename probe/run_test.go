package probe_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestRunKeepsOrderAndBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		var probers []probe.Prober
		for i := range 10 {
			probers = append(probers, probe.ProberFunc(func(context.Context) probe.Result {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(time.Duration(10-i) * time.Second) // the last ends first
				return probe.Result{Check: fmt.Sprint(i), Status: probe.Passed}
			}))
		}
		for i, r := range probe.Run(t.Context(), probe.RunOptions{Parallel: 3}, probers...) {
			require.Equal(t, fmt.Sprint(i), r.Check)
		}
		require.EqualValues(t, 3, most.Load())
	})
}

func TestRunTurnsPanicsIntoResults(t *testing.T) {
	secret := "hunter2"
	results := probe.Run(t.Context(), probe.RunOptions{}, status(probe.Passed),
		probe.ProberFunc(func(context.Context) probe.Result { panic(secret) }), nil, (*probe.Ladder)(nil))
	require.Equal(t, []probe.Status{probe.Passed, probe.Unknown, probe.Unknown, probe.Unknown}, statuses(results))
	require.NotContains(t, fmt.Sprintf("%+v", results), secret)
	require.EqualError(t, results[1].Err, "probe: probe.ProberFunc panicked with a string")
}

func TestRunLimitsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := probe.ProberFunc(func(ctx context.Context) probe.Result {
			<-ctx.Done()
			return probe.Result{Status: probe.Unknown, Err: ctx.Err()}
		})
		start := time.Now()
		results := probe.Run(t.Context(), probe.RunOptions{Timeout: time.Second}, slow, slow)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, results[1].Err, context.DeadlineExceeded)

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		results = probe.Run(ended, probe.RunOptions{}, status(probe.Passed), probe.Ladder{Rungs: []probe.Rung{{Check: "a", Prober: status(probe.Passed)}, {Check: "b"}}})
		require.Equal(t, []probe.Status{probe.Unknown, probe.Unknown, probe.Skipped}, statuses(results))
		require.ErrorIs(t, results[0].Err, context.Canceled)
	})
}

func TestLadderStopsAtTheDiagnosis(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rungs []probe.Status
		want  []probe.Status
		whole probe.Status
	}{
		{"all hold", []probe.Status{probe.Passed, probe.Warned, probe.Skipped}, []probe.Status{probe.Passed, probe.Warned, probe.Skipped}, probe.Warned},
		{"failed", []probe.Status{probe.Passed, probe.Failed, probe.Passed}, []probe.Status{probe.Passed, probe.Failed, probe.Skipped}, probe.Failed},
		{"unknown is no ground to stand on", []probe.Status{probe.Unknown, probe.Failed, probe.Passed}, []probe.Status{probe.Unknown, probe.Skipped, probe.Skipped}, probe.Unknown},
		{"a result without status", []probe.Status{"", probe.Passed}, []probe.Status{probe.Unknown, probe.Skipped}, probe.Unknown},
		{"a status that is none", []probe.Status{"FAILED", probe.Passed}, []probe.Status{probe.Unknown, probe.Skipped}, probe.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ladder := probe.Ladder{Name: "reach", Target: "cluster-1"}
			for i, s := range tt.rungs {
				ladder.Rungs = append(ladder.Rungs, probe.Rung{Check: fmt.Sprint("rung-", i), Prober: always(probe.Result{Status: s, Summary: "seen", Hint: "do"})})
			}
			results := probe.Run(t.Context(), probe.RunOptions{}, &ladder)
			require.Equal(t, tt.want, statuses(results))
			for i, r := range results {
				require.Equal(t, fmt.Sprint("rung-", i), r.Check)
				require.Equal(t, "cluster-1", r.Target)
			}
			whole := ladder.Probe(t.Context())
			require.Equal(t, tt.whole, whole.Status)
			require.Equal(t, "reach", whole.Check)
		})
	}
	whole := probe.Ladder{Name: "reach", Rungs: []probe.Rung{{Check: "a", Prober: status(probe.Passed)}, {Check: "b", Prober: always(probe.Result{Status: probe.Failed, Summary: "seen", Hint: "do"})}}}.Probe(t.Context())
	require.Equal(t, "b: seen", whole.Summary)
	require.Equal(t, "do", whole.Hint)
}

func TestRetry(t *testing.T) {
	failing := errors.New("refused")
	after := func(n int, then probe.Status) probe.Prober {
		return probe.ProberFunc(func(ctx context.Context) probe.Result {
			if n--; n < 0 {
				return probe.Result{Status: then}
			}
			return probe.Result{Status: probe.Failed, Summary: "refused", Err: failing}
		})
	}
	for _, tt := range []struct {
		name   string
		prober probe.Prober
		poll   probe.Poll
		want   probe.Status
		took   time.Duration
	}{
		{"at once", after(0, probe.Passed), probe.Poll{}, probe.Passed, 0},
		{"pauses double up to the longest", after(5, probe.Passed), probe.Poll{Every: time.Second, Max: 4 * time.Second}, probe.Passed, 15 * time.Second},
		{"a warning holds", after(1, probe.Warned), probe.Poll{}, probe.Warned, 250 * time.Millisecond},
		{"never", after(1e6, probe.Passed), probe.Poll{Timeout: time.Minute}, probe.Failed, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := probe.Retry(tt.prober, tt.poll).Probe(t.Context())
				require.Equal(t, tt.want, r.Status)
				require.Equal(t, tt.took, r.Took)
				if tt.want == probe.Failed {
					require.ErrorIs(t, r.Err, failing, "the reason of the last try, not that time ran out")
				}
			})
		})
	}
}

// The diagnosis of a whole try beats the "deadline exceeded" of one that was cut off.
func TestRetryKeepsTheLastWholeTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		p := probe.ProberFunc(func(ctx context.Context) probe.Result {
			if tries++; tries == 1 {
				return probe.Result{Status: probe.Failed, Summary: "no healthy upstream"}
			}
			<-ctx.Done()
			return probe.Result{Status: probe.Unknown, Summary: "cut off"}
		})
		r := probe.Retry(p, probe.Poll{}).Probe(t.Context())
		require.Equal(t, probe.Failed, r.Status)
		require.Equal(t, "no healthy upstream (after 2 tries)", r.Summary)
		require.ErrorIs(t, r.Err, context.DeadlineExceeded)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		require.Equal(t, probe.Failed, probe.Retry(status(probe.Failed), probe.Poll{Timeout: -1}).Probe(ctx).Status)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}
