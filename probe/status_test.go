package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// TestWhatIsNoStatusIsUnknown wherever a status goes in or comes out.
func TestWhatIsNoStatusIsUnknown(t *testing.T) {
	for _, s := range []probe.Status{"", "error", "FAILED", "Passed", "passed ", "\x00", "ok", "null"} {
		t.Run(fmt.Sprintf("%q", string(s)), func(t *testing.T) {
			require.Equal(t, probe.Unknown, s.Known())
			require.False(t, s.Holds())
			require.Equal(t, "unknown", s.String())
			require.Equal(t, "unknown", fmt.Sprint(s))
			require.Equal(t, probe.Unknown, probe.Worst(probe.Passed, s))
			require.Equal(t, probe.Unknown, probe.Worst(s))
			require.Equal(t, probe.Failed, probe.Worst(s, probe.Failed))

			data, err := json.Marshal(map[string]any{"result": probe.Result{Status: s}, "bare": s})
			require.NoError(t, err)
			var out struct {
				Result probe.Result
				Bare   probe.Status
			}
			require.NoError(t, json.Unmarshal(data, &out))
			require.Equal(t, probe.Unknown, out.Result.Status)
			require.Equal(t, probe.Unknown, out.Bare)
			quoted, err := json.Marshal(string(s))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal([]byte(`{"status": `+string(quoted)+`}`), &out.Result))
			require.Equal(t, probe.Unknown, out.Result.Status)
			require.Contains(t, fmt.Sprint(probe.Result{Status: s}), "unknown")

			require.Equal(t, probe.Unknown, probe.Run(t.Context(), probe.RunOptions{}, status(s))[0].Status)
			ladder := probe.Ladder{Rungs: []probe.Rung{{Check: "odd", Prober: status(s)}, {Check: "next", Prober: status(probe.Passed)}}}
			require.Equal(t, []probe.Status{probe.Unknown, probe.Skipped}, statuses(ladder.Climb(t.Context())))
			require.Equal(t, probe.Unknown, ladder.Probe(t.Context()).Status)
		})
	}
	var absent probe.Result
	require.NoError(t, json.Unmarshal([]byte(`{"check": "a"}`), &absent))
	require.Equal(t, probe.Unknown, absent.Status, "a result without a status passed nothing")
	require.NotEmpty(t, absent.Hint)
	for _, s := range []probe.Status{probe.Passed, probe.Warned, probe.Failed, probe.Unknown, probe.Skipped} {
		require.Equal(t, s, s.Known())
		require.Equal(t, string(s), s.String())
		require.Equal(t, s != probe.Failed && s != probe.Unknown, s.Holds())
	}
}

// TestAProberThatIsNotThere, that dies or says nothing has seen nothing, and the result names the check.
func TestAProberThatIsNotThere(t *testing.T) {
	for name, p := range map[string]probe.Prober{
		"nil":                  nil,
		"a nil function":       probe.ProberFunc(nil),
		"a nil pointer":        (*probe.Teapot)(nil),
		"a nil ladder":         (*probe.Ladder)(nil),
		"a retry of nothing":   probe.Retry(nil, probe.Poll{}),
		"a retry of nil":       probe.Retry((*probe.Ladder)(nil), probe.Poll{}),
		"an explained nothing": probe.Explain(nil, probe.PilotAgent{}, service),
		"one that panics":      probe.ProberFunc(func(context.Context) probe.Result { panic("defect") }),
		"one without a word":   always(probe.Result{}),
		"a ladder of nothing":  probe.Ladder{},
		"a pointer to one":     &probe.Ladder{},
		"a ladder of nil":      probe.Ladder{Name: "inner", Rungs: []probe.Rung{{Check: "missing"}}},
		"a ladder in a ladder": probe.Ladder{Rungs: []probe.Rung{{Check: "inner", Prober: probe.Ladder{}}}},
		"a sender that is nil": probe.Teapot{From: (*probe.Curl)(nil), URL: "http://httpbin"},
		"an executor of nil":   probe.Retry(probe.Teapot{From: probe.Curl{In: probe.ExecutorFunc(nil)}, URL: "http://httpbin"}, probe.Poll{Timeout: time.Millisecond}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				results := probe.Run(t.Context(), probe.RunOptions{}, p)
				require.Len(t, results, 1)
				bad := []probe.Status{probe.Unknown, probe.Failed} // a wrong option is a fault of the caller's, and found
				require.Contains(t, bad, results[0].Status, results[0])
				require.NotEmpty(t, results[0].Summary)
				require.NotEmpty(t, results[0].Hint)
				if name == "nil" || strings.HasPrefix(name, "a nil") {
					require.Contains(t, results[0].Summary, "has no prober", "it was found, not run into")
				}

				for _, ladder := range []probe.Ladder{
					{Name: "reach", Rungs: []probe.Rung{{Check: "first", Prober: status(probe.Passed)}, {Check: "look", Prober: p}, {Check: "later", Prober: status(probe.Passed)}}},
					{Name: "reach", Rungs: []probe.Rung{{Check: "first", Prober: status(probe.Passed)}, {Prober: p}, {Check: "later", Prober: status(probe.Passed)}}},
				} {
					rungs := ladder.Climb(t.Context())
					require.Len(t, rungs, 3)
					require.Contains(t, bad, rungs[1].Status)
					require.Equal(t, probe.Skipped, rungs[2].Status)
					require.NotEmpty(t, rungs[1].Check)
					if ladder.Rungs[1].Check != "" {
						require.Equal(t, "look", rungs[1].Check)
						require.Contains(t, ladder.Probe(t.Context()).Summary, "look")
					}
					whole := ladder.Probe(t.Context())
					require.Contains(t, bad, whole.Status)
					require.Equal(t, "reach", whole.Check)
				}
				require.LessOrEqual(t, time.Since(start), time.Second, "waiting makes no prober")
			})
		})
	}
}

// TestRunKeepsAPlaceForOneThatNeverReturned: t.FailNow within a prober ends its goroutine, no panic tells of it.
func TestRunKeepsAPlaceForOneThatNeverReturned(t *testing.T) {
	results := probe.Run(t.Context(), probe.RunOptions{}, status(probe.Passed), probe.ProberFunc(func(context.Context) probe.Result {
		runtime.Goexit()
		return probe.Result{}
	}))
	require.Equal(t, []probe.Status{probe.Passed, probe.Unknown}, statuses(results))
}

func TestLadderOfSkippedRungsPassesNothing(t *testing.T) {
	r := probe.Ladder{Rungs: []probe.Rung{{Check: "a", Prober: status(probe.Skipped)}, {Check: "b", Prober: status(probe.Skipped)}}}.Probe(t.Context())
	require.Equal(t, probe.Skipped, r.Status)
	require.Equal(t, "0 of 2 hold, 2 skipped", r.Summary)
	r = probe.Ladder{Rungs: []probe.Rung{{Check: "a", Prober: status(probe.Skipped)}, {Check: "b", Prober: status(probe.Passed)}}}.Probe(t.Context())
	require.Equal(t, probe.Passed, r.Status)
	require.Equal(t, "1 of 2 hold, 1 skipped", r.Summary)
	require.Empty(t, probe.Run(t.Context(), probe.RunOptions{}))
	require.Equal(t, []probe.Status{probe.Unknown}, statuses(probe.Run(t.Context(), probe.RunOptions{}, probe.Ladder{Name: "empty"})))
	require.Equal(t, []probe.Status{probe.Unknown}, statuses(probe.Ladder{Name: "empty"}.Climb(t.Context())))
}

// TestOptionsThatAreNotThere are told by name, before anything is asked or changed.
func TestOptionsThatAreNotThere(t *testing.T) {
	asker := probe.AskerFunc(func(context.Context) (probe.Attribution, error) { return probe.Attribution{}, nil })
	for field, call := range map[string]func() error{
		"asker": func() error {
			_, err := probe.Sampling{}.Sample(t.Context(), probe.AskerFunc(nil))
			return err
		},
		"operation": func() error { _, err := probe.Meter{}.Measure(t.Context(), asker, nil); return err },
		"local":     func() error { _, err := probe.Recover(t.Context(), "httpbin", (*deployment)(nil)); return err },
		"From":      func() error { _, err := probe.Who{From: (*probe.Direct)(nil)}.Ask(t.Context()); return err },
		"PilotAgent.In": func() error {
			_, err := probe.PilotAgent{In: probe.ExecutorFunc(nil)}.Endpoints(t.Context(), "")
			return err
		},
		"Failover.Answer": func() error {
			f := failover(newDeployment(1))
			f.Answer = (*probe.Ladder)(nil)
			_, err := f.Check(t.Context())
			return err
		},
		"Failover.Local": func() error {
			f := failover(nil)
			f.Local = (*deployment)(nil)
			_, err := f.Check(t.Context())
			return err
		},
	} {
		t.Run(field, func(t *testing.T) {
			var wrong *probe.FieldError
			require.ErrorAs(t, call(), &wrong)
			require.Equal(t, field, wrong.Field)
		})
	}
	_, err := probe.Meter{}.Measure(t.Context(), nil, func(context.Context) error { return errors.New("it ran") })
	require.ErrorContains(t, err, "asker")
}
