package probe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// down answers as cluster-2, except from begin to end after start: then it fails after the time given.
func down(begin, end, hang time.Duration) probe.Asker {
	start := time.Now()
	return probe.AskerFunc(func(ctx context.Context) (probe.Attribution, error) {
		if since := time.Since(start); since >= begin && since < end {
			timer := time.NewTimer(hang)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return probe.Attribution{}, errors.New("no healthy upstream")
		}
		return probe.Attribution{Cluster: "cluster-2"}, nil
	})
}

func lasts(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

func TestMeter(t *testing.T) {
	for _, tt := range []struct {
		name     string
		meter    probe.Meter
		asker    func() probe.Asker
		longest  time.Duration
		failures int
		at       time.Duration
	}{
		{"nothing is felt", probe.Meter{}, func() probe.Asker { return down(time.Hour, time.Hour, 0) }, 0, 0, 0},
		{"from the last good answer to the next", probe.Meter{}, func() probe.Asker { return down(4*time.Second, 7*time.Second, 0) }, 3200 * time.Millisecond, 15, 3800 * time.Millisecond},
		{"requests that hang", probe.Meter{}, func() probe.Asker { return down(4*time.Second, 7*time.Second, time.Second) }, 3200 * time.Millisecond, 3, 3800 * time.Millisecond},
		{"until each one's limit", probe.Meter{Each: 2 * time.Second}, func() probe.Asker { return down(4*time.Second, 5*time.Second, time.Hour) }, 2200 * time.Millisecond, 1, 3800 * time.Millisecond},
		{"after the operation", probe.Meter{After: 20 * time.Second}, func() probe.Asker { return down(15*time.Second, 18*time.Second, 0) }, 3200 * time.Millisecond, 15, 14800 * time.Millisecond},
		{"down when the operation ends", probe.Meter{}, func() probe.Asker { return down(9*time.Second, 25*time.Second, 0) }, 16200 * time.Millisecond, 80, 8800 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, err := tt.meter.Measure(t.Context(), tt.asker(), lasts(10*time.Second))
				require.NoError(t, err)
				require.Equal(t, tt.longest, out.Longest)
				require.Equal(t, tt.failures, out.Failures)
				require.InDelta(t, tt.at, out.At, float64(400*time.Millisecond))
				require.Equal(t, out.Requests-out.Failures, out.Answers["cluster-2"])
				require.False(t, out.Open)
				require.False(t, out.Cut)
			})
		})
	}
}

// An answer to a question that was asked before the end says nothing about the time after it.
func TestMeterAsksAnewAfterTheOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := probe.AskerFunc(func(context.Context) (probe.Attribution, error) {
			time.Sleep(3 * time.Second)
			return probe.Attribution{}, nil
		})
		out, err := probe.Meter{After: time.Millisecond}.Measure(t.Context(), slow, lasts(10*time.Second)) // from 3 to 13
		require.NoError(t, err)
		require.Equal(t, 6, out.Requests, "the one asked at 12 does not count as after it, that of 15 does")
	})
}

func TestMeterBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, err := probe.Meter{Max: 10}.Measure(t.Context(), down(time.Hour, time.Hour, 0), lasts(time.Minute))
		require.NoError(t, err)
		require.True(t, out.Cut)
		require.Equal(t, 10, out.Requests)
		require.Contains(t, out.String(), "measured in part only")

		out, err = probe.Meter{Timeout: 5 * time.Second}.Measure(t.Context(), down(3*time.Second, time.Hour, time.Hour), lasts(time.Minute))
		require.NoError(t, err)
		require.True(t, out.Cut)
		require.Zero(t, out.Failures, "a question cut off by the meter's own limit is none")

		out, err = probe.Meter{}.Measure(t.Context(), down(3*time.Second, time.Hour, 0), lasts(5*time.Second))
		require.NoError(t, err)
		require.True(t, out.Open, "it did not end while looking")
		require.Equal(t, "no healthy upstream", out.LastError)
		require.Greater(t, out.Longest, 30*time.Second)
		require.Contains(t, out.String(), "or more (within 200ms)")
	})
}

func TestMeterRunsNothingOnBrokenGround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := false
		operation := func(context.Context) error { ran = true; return nil }
		out, err := probe.Meter{}.Measure(t.Context(), down(0, time.Hour, 0), operation)
		require.ErrorContains(t, err, "there was no good answer before the operation, which was not run; last error: no healthy upstream")
		require.Positive(t, out.Failures)
		require.False(t, ran)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = probe.Meter{}.Measure(ctx, down(time.Hour, time.Hour, 0), operation)
		require.Error(t, err)
		require.False(t, ran)
	})
}

func TestMeterPassesOnErrorsAndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("rotation failed")
		_, err := probe.Meter{}.Measure(t.Context(), down(time.Hour, time.Hour, 0), func(context.Context) error { return broken })
		require.ErrorIs(t, err, broken)
		require.Panics(t, func() {
			_, _ = probe.Meter{}.Measure(t.Context(), down(time.Hour, time.Hour, 0), func(context.Context) error { panic("defect") })
		}) // and the bubble would not end if anybody still asked

		n := 0
		asker := probe.AskerFunc(func(context.Context) (probe.Attribution, error) {
			if n++; n == 10 {
				panic("defect of the asker")
			}
			return probe.Attribution{}, nil
		})
		out, err := probe.Meter{}.Measure(t.Context(), asker, lasts(5*time.Second))
		require.NoError(t, err)
		require.Equal(t, 1, out.Failures)
		require.Equal(t, "probe: probe.AskerFunc panicked with a string", out.LastError)
		require.Equal(t, 400*time.Millisecond, out.Longest)
	})
}
