package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		f := failover(d)
		f.Consent = ""
		check, err := f.Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, check.Replicas)
		require.Empty(t, d.writes)
		report, err := failover(d).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Answer.Status)
		require.True(t, report.Scaled)
		require.True(t, report.Restored)
		require.Equal(t, 3, report.Replicas)
		require.InDelta(t, 2*time.Second, report.Drained, float64(time.Second))
		require.GreaterOrEqual(t, report.FailedOver, report.Drained)
		require.InDelta(t, 3*time.Second, report.Back, float64(time.Second))

		require.Len(t, d.writes, 2, "one patch there, one back")
		require.Zero(t, d.writes[0].Replicas)
		var record struct{ Replicas int }
		require.NoError(t, json.Unmarshal([]byte(d.writes[0].Record), &record))
		require.Equal(t, 3, record.Replicas, "the patch that scales also records")
		require.Equal(t, probe.Scale{Replicas: 3, ResourceVersion: "2"}, d.writes[1])
	})
}

func TestFailoverRefuses(t *testing.T) {
	none := func(context.Context) (int, error) { return 0, nil }
	for _, tt := range []struct {
		name string
		edit func(*deployment, *probe.Failover)
		says string
	}{
		{"no consent", func(_ *deployment, f *probe.Failover) { f.Consent = "yes" }, `Failover.Consent "yes": it does not repeat Target`},
		{"no target", func(_ *deployment, f *probe.Failover) { f.Target = "" }, "Failover.Target"},
		{"no scaler", func(_ *deployment, f *probe.Failover) { f.Local = nil }, "Failover.Local"},
		{"no other side", func(_ *deployment, f *probe.Failover) { f.Elsewhere = nil }, "Failover.Elsewhere"},
		{"no question", func(_ *deployment, f *probe.Failover) { f.Answer = nil }, "Failover.Answer"},
		{"at zero", func(d *deployment, _ *probe.Failover) { d.scale.Replicas = 0 }, "it has no replicas"},
		{"autoscaled", func(d *deployment, _ *probe.Failover) {
			d.scale.Autoscalers = []string{"HorizontalPodAutoscaler/httpbin"}
		}, "it is scaled by HorizontalPodAutoscaler/httpbin"},
		{"owned", func(d *deployment, _ *probe.Failover) { d.scale.Owners = []string{"Argo CD application web"} }, "it belongs to Argo CD application web"},
		{"another run", func(d *deployment, _ *probe.Failover) { d.scale.Record = `{"run": "x", "replicas": 2}` }, "the record of another run"},
		{"not ready", func(d *deployment, _ *probe.Failover) { d.pods = 0 }, "it has no ready endpoint"},
		{"nobody there", func(_ *deployment, f *probe.Failover) { f.Elsewhere = none }, "no ready endpoint that takes mutual TLS"},
		{"unseen there", func(_ *deployment, f *probe.Failover) {
			f.Elsewhere = func(context.Context) (int, error) { return 0, errors.New("forbidden") }
		}, "counting the endpoints elsewhere: forbidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDeployment(3)
			f := failover(d)
			tt.edit(d, &f)
			if tt.name != "no consent" {
				_, err := f.Check(t.Context())
				require.ErrorContains(t, err, tt.says)
			}
			report, err := f.Run(t.Context())
			require.ErrorContains(t, err, tt.says)
			require.Empty(t, d.writes)
			require.False(t, report.Scaled)
			require.Equal(t, probe.Skipped, report.Answer.Status)
			var refused *probe.RefusedError
			var field *probe.FieldError
			if !errors.As(err, &field) && tt.name != "unseen there" {
				require.ErrorAs(t, err, &refused)
				require.NotEmpty(t, refused.Remedy)
			}
		})
	}
}

// Each call of a run in turn fails before it took effect, fails after, or panics: the count is back afterwards, and nothing
// is left on the object.
func TestFailoverRestoresWhateverFails(t *testing.T) {
	broken := errors.New("connection reset")
	kinds := map[string]fault{"before": {before: broken}, "after": {after: broken}, "panic": {panics: true}, "conflict": {before: probe.ErrConflict}}
	for name, f := range kinds {
		for call := 1; ; call++ {
			reached := false
			t.Run(fmt.Sprintf("%s call %d", name, call), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDeployment(3)
					d.fault = func(n int, _ string) fault {
						if n == call {
							reached = true
							return f
						}
						return fault{}
					}
					panicked := false
					func() {
						defer func() { panicked = recover() != nil }()
						report, err := failover(d).Run(t.Context())
						if err == nil && report.Scaled {
							require.True(t, report.Restored)
						}
					}()
					if !reached || !f.panics {
						require.False(t, panicked)
					}
					require.Equal(t, 3, d.scale.Replicas)
					require.Empty(t, d.scale.Record)
				})
			})
			if !reached || call > 60 {
				require.Less(t, call, 60)
				break
			}
		}
	}
}

// TestFailoverOfAScalerThatPanicsToTheEnd says so, once what it had is known.
func TestFailoverOfAScalerThatPanicsToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(3)
		d.fault = func(_ int, method string) fault {
			return fault{panics: method == "Write" && len(d.writes) == 1}
		}
		report, err := failover(d).Run(t.Context())
		var left *probe.NotRestoredError
		require.ErrorAs(t, err, &left)
		require.ErrorContains(t, err, "panicked with a string")
		require.Equal(t, 3, left.Replicas)
		require.False(t, report.Restored)
	})
}

func TestFailoverRestoresWhenCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(2)
		f := failover(d)
		ctx, cancel := context.WithCancel(t.Context())
		var canceled time.Time
		f.Answer = probe.ProberFunc(func(ctx context.Context) probe.Result {
			cancel()
			canceled = time.Now()
			<-ctx.Done()
			return probe.Result{Status: probe.Unknown}
		})
		report, err := f.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, report.Restored)
		require.Zero(t, report.Back, "nobody waits any more")
		require.Zero(t, time.Since(canceled))
		require.Equal(t, 2, d.scale.Replicas)
	})
}

func TestFailoverRestoresWhenTheAnswerPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(2)
		f := failover(d)
		f.Answer = probe.ProberFunc(func(context.Context) probe.Result { panic("defect") })
		report, err := f.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Answer.Status)
		require.Equal(t, 2, d.scale.Replicas)
	})
}

func TestFailoverThatShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(2)
		f := failover(d)
		f.Answer = status(probe.Failed)
		f.Poll = probe.Poll{Timeout: 10 * time.Second}
		report, err := f.Run(t.Context())
		require.NoError(t, err, "that nobody answers is a result")
		require.Equal(t, probe.Failed, report.Answer.Status)
		require.Zero(t, report.FailedOver)
		require.True(t, report.Restored)

		f.Answer = probe.Ladder{}
		report, err = f.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Answer.Status)
		require.Zero(t, report.FailedOver, "nothing was asked")

		d = newDeployment(2)
		d.fault = func(_ int, method string) fault { // pods that do not end
			return fault{then: func(d *deployment) { d.settle = time.Time{} }}
		}
		report, err = failover(d).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Answer.Status)
		require.Contains(t, report.Answer.Summary, "stayed ready")
		require.True(t, report.Restored)

		d = newDeployment(2)
		f = failover(d)
		f.Answer = probe.ProberFunc(func(context.Context) probe.Result {
			d.pods = 1 // a stray pod of the same labels
			return probe.Result{Status: probe.Passed}
		})
		report, err = f.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Unknown, report.Answer.Status)
		require.Contains(t, report.Answer.Summary, "local endpoints may have answered")
		require.Zero(t, report.FailedOver)
	})
}
