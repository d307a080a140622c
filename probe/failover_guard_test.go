package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// asksForever never gets an answer of the other cluster.
func asksForever(f *probe.Failover) {
	f.Answer = probe.ProberFunc(func(ctx context.Context) probe.Result {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
		return probe.Result{Status: probe.Failed, Summary: "no healthy upstream"}
	})
}

// TestFailoverAborts the moment that the other side can no longer answer, at whichever point of the wait, and restores.
func TestFailoverAborts(t *testing.T) {
	gone := errors.New("API server gone")
	for name, tt := range map[string]struct {
		after     time.Duration // when it happens, from the start
		elsewhere func(context.Context) (int, error)
		blind     time.Duration
		within    time.Duration // the workload is scaled back so soon afterwards
		says      string
		cause     error
	}{
		"none left while pods end":        {500 * time.Millisecond, func(context.Context) (int, error) { return 0, nil }, 0, 1100 * time.Millisecond, "no ready endpoint left", nil},
		"none left while asking":          {20 * time.Second, func(context.Context) (int, error) { return 0, nil }, 0, 1100 * time.Millisecond, "no ready endpoint left", nil},
		"a negative count":                {20 * time.Second, func(context.Context) (int, error) { return -1, nil }, 0, 1100 * time.Millisecond, "no ready endpoint left", nil},
		"unreadable for long":             {20 * time.Second, func(context.Context) (int, error) { return 5, gone }, 0, 10100 * time.Millisecond, "could not be read for 10s", gone},
		"unreadable for as long as asked": {20 * time.Second, func(context.Context) (int, error) { return 5, gone }, 3 * time.Second, 3100 * time.Millisecond, "could not be read for 3s", gone},
		"it hangs":                        {20 * time.Second, func(ctx context.Context) (int, error) { <-ctx.Done(); return 5, ctx.Err() }, 0, 10100 * time.Millisecond, "could not be read for 10s", nil},
		"it panics":                       {20 * time.Second, func(context.Context) (int, error) { panic("defect") }, 0, 10100 * time.Millisecond, "could not be read for 10s", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeployment(3)
				f := failover(d)
				f.Blind = tt.blind
				asksForever(&f)
				start := time.Now()
				f.Elsewhere = func(ctx context.Context) (int, error) {
					if time.Since(start) >= tt.after {
						return tt.elsewhere(ctx)
					}
					return 1, nil
				}
				report, err := f.Run(t.Context())
				var aborted *probe.AbortedError
				require.ErrorAs(t, err, &aborted)
				require.Contains(t, aborted.Reason, tt.says)
				require.ErrorContains(t, err, tt.says)
				if tt.cause != nil {
					require.ErrorIs(t, err, tt.cause)
				}
				require.True(t, report.Scaled)
				require.True(t, report.Restored)
				require.Equal(t, 3, d.scale.Replicas)
				require.Equal(t, probe.Unknown, report.Answer.Status)
				require.Contains(t, report.Answer.Summary, "aborted")
				require.NotEmpty(t, report.Answer.Hint)
				require.Zero(t, report.FailedOver)
				require.LessOrEqual(t, d.wrote[1].Sub(start), tt.after+tt.within, "scaled back at once")
			})
		})
	}
}

// TestFailoverEndures what passes by itself: a look that fails, an answer that comes late.
func TestFailoverEndures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		f := failover(d)
		looks := 0
		f.Elsewhere = func(context.Context) (int, error) {
			if looks++; looks > 1 && looks%3 != 0 { // two of three fail
				return 0, errors.New("timeout")
			}
			return 1, nil
		}
		started := time.Now()
		f.Answer = probe.ProberFunc(func(context.Context) probe.Result {
			if time.Since(started) < time.Minute {
				return probe.Result{Status: probe.Failed}
			}
			return probe.Result{Check: "teapot", Status: probe.Passed}
		})
		report, err := f.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Answer.Status)
		require.Greater(t, looks, 50, "it looked all the while")
	})
	synctest.Test(t, func(t *testing.T) { // the caller's end is the caller's, not an abort
		d := newDeployment(3)
		f := failover(d)
		asksForever(&f)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		report, err := f.Run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var aborted *probe.AbortedError
		require.False(t, errors.As(err, &aborted))
		require.True(t, report.Restored)
	})
}

// TestFailoverLooksNoMoreWhenItIsOver and leaves nobody behind.
func TestFailoverLooksNoMoreWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		f := failover(d)
		var looks atomic.Int32
		f.Elsewhere = func(context.Context) (int, error) { looks.Add(1); return 1, nil }
		_, err := f.Run(t.Context())
		require.NoError(t, err)
		seen := looks.Load()
		time.Sleep(time.Minute)
		require.Equal(t, seen, looks.Load())
	})
}

// TestFailoverComparesCapacities before anybody consents, and says it again in the report.
func TestFailoverComparesCapacities(t *testing.T) {
	for _, tt := range []struct {
		local, elsewhere int
		says             string
	}{
		{100, 1, "100 endpoints here for 1 in the other cluster: each of those would take up to 101 times its load"},
		{3, 2, "3 endpoints here for 2 in the other cluster: each of those would take up to 2.5 times its load"},
		{2, 2, ""},
		{1, 100, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDeployment(tt.local)
			f := failover(d)
			f.Elsewhere = func(context.Context) (int, error) { return tt.elsewhere, nil }
			check, err := f.Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.local, check.Replicas)
			require.Equal(t, tt.local, check.Ready)
			require.Equal(t, tt.elsewhere, check.Elsewhere)
			require.Contains(t, strings.Join(check.Warnings, "\n"), tt.says)
			require.Equal(t, tt.says == "", len(check.Warnings) == 0, check.Warnings)
			report, err := f.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, check.Warnings, report.Warnings)
			data, err := json.Marshal(check)
			require.NoError(t, err)
			require.Contains(t, string(data), `"replicas":`)
		})
	}
}

// TestFailoverRefusesTheUnseen unless that is allowed, and then says so.
func TestFailoverRefusesTheUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(1)
		d.scale.Unseen = []string{"HorizontalPodAutoscalers: forbidden"}
		d.scale.Notes = []string{"it is of the Helm release web"}
		f := failover(d)
		check, err := f.Check(t.Context())
		var refused *probe.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Contains(t, refused.Reason, "HorizontalPodAutoscalers: forbidden")
		require.Contains(t, refused.Remedy, "AllowUnseen")
		require.Equal(t, []string{"it is of the Helm release web"}, check.Warnings, "notes show beside a refusal")
		_, err = f.Run(t.Context())
		require.ErrorAs(t, err, &refused)
		require.Empty(t, d.writes)

		f.AllowUnseen = true
		report, err := f.Run(t.Context())
		require.NoError(t, err)
		require.Contains(t, strings.Join(report.Warnings, "\n"), "HorizontalPodAutoscalers: forbidden")
		d.scale.Autoscalers = []string{"HorizontalPodAutoscaler/web"}
		_, err = f.Check(t.Context())
		require.ErrorAs(t, err, &refused, "what was seen is no matter of consent")
	})
}
