package probe_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// Somebody else at work while the workload is at zero.
func TestFailoverLeavesOthersAlone(t *testing.T) {
	for _, tt := range []struct {
		name     string
		meddle   func(*deployment)
		replicas int
		record   string
		check    func(*testing.T, probe.FailoverReport, error)
	}{
		{"scales up", func(d *deployment) { d.set(5) }, 5, "", func(t *testing.T, _ probe.FailoverReport, err error) {
			var changed *probe.ScaleChangedError
			require.ErrorAs(t, err, &changed)
			require.Equal(t, 5, changed.Have)
			require.Equal(t, 3, changed.Had)
		}},
		{"scales up and tidies", func(d *deployment) { d.set(5); d.scale.Record = "" }, 5, "", func(t *testing.T, _ probe.FailoverReport, err error) {
			var changed *probe.ScaleChangedError
			require.ErrorAs(t, err, &changed)
		}},
		{"restores it and leaves the record", func(d *deployment) { d.set(3) }, 3, "", func(t *testing.T, r probe.FailoverReport, err error) {
			require.NoError(t, err)
			require.True(t, r.Restored)
		}},
		{"recovers it", func(d *deployment) { d.set(3); d.scale.Record = "" }, 3, "", func(t *testing.T, r probe.FailoverReport, err error) {
			require.NoError(t, err)
			require.True(t, r.Restored)
		}},
		{"takes the record away", func(d *deployment) { d.set(0); d.scale.Record = "" }, 0, "", func(t *testing.T, r probe.FailoverReport, err error) {
			var left *probe.NotRestoredError
			require.ErrorAs(t, err, &left)
			require.Equal(t, 3, left.Replicas)
			require.False(t, r.Restored)
		}},
		{"overwrites the record", func(d *deployment) { d.set(0); d.scale.Record = "mine" }, 0, "mine", func(t *testing.T, _ probe.FailoverReport, err error) {
			var left *probe.NotRestoredError
			require.ErrorAs(t, err, &left)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeployment(3)
				f := failover(d)
				f.Answer = probe.ProberFunc(func(context.Context) probe.Result {
					d.mu.Lock()
					defer d.mu.Unlock()
					if len(d.writes) == 1 {
						tt.meddle(d)
					}
					return probe.Result{Status: probe.Passed}
				})
				report, err := f.Run(t.Context())
				tt.check(t, report, err)
				require.Equal(t, tt.replicas, d.scale.Replicas)
				require.Equal(t, tt.record, d.scale.Record)
			})
		})
	}
}

// Two at once: one scales, the other is refused and gives nothing back that is not its own.
func TestTwoFailoversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		errs, reports := make([]error, 2), make([]probe.FailoverReport, 2)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { reports[i], errs[i] = failover(d).Run(t.Context()) })
		}
		wg.Wait()
		if errs[0] == nil {
			errs[0], errs[1] = errs[1], errs[0]
			reports[0], reports[1] = reports[1], reports[0]
		}
		require.ErrorContains(t, errs[0], "another run")
		require.False(t, reports[0].Scaled)
		require.NoError(t, errs[1])
		require.Equal(t, probe.Passed, reports[1].Answer.Status, "the first was not given back by the second")
		require.Len(t, d.writes, 2)
		require.Equal(t, 3, d.scale.Replicas)
	})
}

// Another run that comes first keeps what it has, although this one tried to scale.
func TestFailoverThatComesSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const record = `{"run": "first", "replicas": 3}`
		d := newDeployment(3)
		f := failover(d)
		f.Elsewhere = func(context.Context) (int, error) {
			d.set(0)
			d.scale.Record = record
			return 1, nil
		}
		_, err := f.Run(t.Context())
		require.ErrorContains(t, err, "another run")
		require.Zero(t, d.scale.Replicas)
		require.Equal(t, record, d.scale.Record)
	})
}

// Conflicts while scaling down end in looking again, not in writing blindly.
func TestFailoverLooksAgainAfterAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		d.fault = func(_ int, method string) fault {
			if method == "Write" && len(d.writes) == 0 {
				return fault{then: func(d *deployment) {
					d.version++
					d.scale.Autoscalers = []string{"HorizontalPodAutoscaler/new"}
				}}
			}
			return fault{}
		}
		_, err := failover(d).Run(t.Context())
		require.ErrorContains(t, err, "HorizontalPodAutoscaler/new")
		require.Empty(t, d.writes)

		d = newDeployment(3)
		d.fault = func(_ int, method string) fault { return fault{then: func(d *deployment) { d.version++ }} }
		_, err = failover(d).Run(t.Context())
		require.ErrorIs(t, err, probe.ErrConflict)
		require.Equal(t, 3, d.scale.Replicas)
	})
}
