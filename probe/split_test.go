package probe_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// Two thousand runs for each true share, each stopped when a researcher would most like to: as soon as the interval leaves
// the true share, or after 300 answers. Were the intervals those of a fixed number of answers, far more would leave it.
func TestIntervalsHoldUnderEarlyStopping(t *testing.T) {
	const runs, answers, confidence = 2000, 300, 0.95
	for _, p := range []float64{0, .01, .1, .3, .5, .9, 1} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			t.Parallel()
			draws := rand.New(rand.NewPCG(7, math.Float64bits(p)))
			type interval struct{ low, high float64 }
			known := map[[2]int]interval{} // the same counts come again and again
			missed := 0
			for range runs {
				split := probe.Split{Answers: map[string]int{"a": 0, "b": 0}, Confidence: confidence}
				for n := 1; n <= answers; n++ {
					cluster := "b"
					if draws.Float64() < p {
						cluster = "a"
					}
					split.Add(probe.Attribution{Cluster: cluster})
					key := [2]int{split.Answers["a"], n}
					at, found := known[key]
					if !found {
						share := split.Shares()[0]
						at = interval{share.Low, share.High}
						known[key] = at
					}
					if p < at.low || p > at.high {
						missed++
						break
					}
				}
			}
			coverage := 1 - float64(missed)/runs
			t.Logf("p=%g: %d of %d runs missed, coverage %.4f", p, missed, runs, coverage)
			require.GreaterOrEqual(t, coverage, confidence)
		})
	}
}

func TestShares(t *testing.T) {
	share := func(hits, of, unknown int) probe.Share {
		return probe.Split{Answers: map[string]int{"a": hits, "b": of - hits - unknown}, Unattributed: unknown, Confidence: 0.95}.Shares()[0]
	}
	require.Equal(t, probe.Share{Cluster: "a", Low: 0, High: 1}, share(0, 0, 0))
	for n := range 200 {
		none, all := share(0, n, 0), share(n, n, 0)
		require.Zero(t, none.Low)
		require.Equal(t, 1.0, all.High)
		require.InDelta(t, none.High, 1-all.Low, 1e-9, "it is symmetric")
		if n > 6 {
			require.Less(t, none.High, share(0, n-1, 0).High, "more answers tell more")
		}
	}
	// For hits = 0 the bound solves (1-p)^n = 0.05/(n+1).
	require.InDelta(t, 1-math.Pow(0.05/101, 1.0/100), share(0, 100, 0).High, 1e-9)

	known, vague := share(40, 100, 0), share(40, 100, 20)
	require.Equal(t, known.Low, vague.Low, "an unattributed answer may be another's")
	require.Equal(t, share(60, 100, 0).High, vague.High, "or this one's")

	huge := share(500_000, 1_000_000, 0)
	require.InDelta(t, 0.5, huge.Low, 0.005)
	require.Less(t, huge.Low, 0.5)
	require.Equal(t, "no answers", probe.Split{}.String())
	var split probe.Split
	split.Add(probe.Attribution{Cluster: "a"})
	split.Add(probe.Attribution{})
	require.Equal(t, probe.Split{Answers: map[string]int{"a": 1}, Unattributed: 1}, split)
	wrong := probe.Split{Answers: map[string]int{"a": 1}, Confidence: 7}
	require.Equal(t, probe.Split{Answers: map[string]int{"a": 1}}.Shares(), wrong.Shares())
}

func TestExpect(t *testing.T) {
	even := map[string]int{"cluster-1": 1, "cluster-2": 1}
	for _, tt := range []struct {
		name      string
		split     probe.Split
		endpoints map[string]int
		status    probe.Status
		says      string
	}{
		{"as expected", probe.Split{Answers: map[string]int{"cluster-1": 11, "cluster-2": 9}}, even, probe.Passed, "cluster-1 11 of 20 (between 20 % and 87 %)"},
		{"nothing", probe.Split{Failed: 3}, even, probe.Unknown, "3 failed"},
		{"silence that says nothing", probe.Split{Answers: map[string]int{"cluster-1": 5}}, even, probe.Unknown, "cluster-2 did not answer: with its share of 50 % that happens by chance in 3.1 % of runs"},
		{"silence that says something", probe.Split{Answers: map[string]int{"cluster-1": 20}}, even, probe.Warned, "by endpoints cluster-2 would have 50 %"},
		{"skewed", probe.Split{Answers: map[string]int{"cluster-1": 95, "cluster-2": 5}}, even, probe.Warned, "by endpoints cluster-1 would have 50 %"},
		{"skewed as the endpoints are", probe.Split{Answers: map[string]int{"cluster-1": 95, "cluster-2": 5}}, map[string]int{"cluster-1": 19, "cluster-2": 1}, probe.Passed, ""},
		{"somebody without endpoints", probe.Split{Answers: map[string]int{"cluster-3": 30}}, even, probe.Warned, "cluster-3 would have 0 %"},
		{"no good answer at all", probe.Split{Unattributed: 4}, even, probe.Unknown, "4 unattributed"},
		{"nothing to compare with", probe.Split{Unattributed: 40}, nil, probe.Unknown, "40 unattributed"},
		{"no endpoint anywhere", probe.Split{Answers: map[string]int{"cluster-1": 40}}, map[string]int{"cluster-1": 0}, probe.Unknown, "cluster-1 40 of 40"},
		{"hardly any attributed", probe.Split{Answers: map[string]int{"cluster-1": 1}, Unattributed: 9}, even, probe.Unknown, "cluster-2 gave none of the 1 of 10 answers that could be attributed: with its share of 50 % that happens by chance in 50 % of runs"},
		{"alone, as far as is known", probe.Split{Answers: map[string]int{"cluster-1": 10}, Unattributed: 90}, map[string]int{"cluster-1": 1}, probe.Unknown, "depends on who gave the unattributed answers"},
		{"silent, whoever gave them", probe.Split{Answers: map[string]int{"cluster-1": 95}, Unattributed: 5}, even, probe.Warned, "by endpoints cluster-2 would have 50 %"},
		{"none expected and none seen", probe.Split{Answers: map[string]int{"cluster-1": 30}}, map[string]int{"cluster-1": 1, "cluster-2": 0}, probe.Passed, "cluster-1 30 of 30"},
		{"as expected, whoever gave them", probe.Split{Answers: map[string]int{"cluster-1": 10, "cluster-2": 9}, Unattributed: 1}, even, probe.Passed, "1 unattributed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.split.Expect(tt.endpoints)
			require.Equal(t, tt.status, r.Status, r)
			require.Contains(t, r.Summary, tt.says)
			require.Equal(t, tt.status == probe.Passed, r.Hint == "")
			if strings.Contains(r.Hint, "ask more often") {
				require.Equal(t, tt.split.Unattributed > 0, strings.Contains(r.Hint, "let the app say who it is"), r.Hint)
			}
		})
	}
	require.Equal(t, map[string]float64{"a": 0.75, "b": 0.25, "c": 0}, probe.ExpectedShares(map[string]int{"a": 3, "b": 1, "c": -1}))
	require.Empty(t, probe.ExpectedShares(map[string]int{"a": 0}))
	require.InDelta(t, 0.000977, probe.Unseen(0.5, 10), 1e-6)
}

// TestUnattributedAnswersAreAnybodys: what a Split with unattributed answers concludes, every way of giving them to the
// clusters concludes too.
func TestUnattributedAnswersAreAnybodys(t *testing.T) {
	draws := rand.New(rand.NewPCG(3, 8))
	endpoints := []map[string]int{{"a": 1, "b": 1}, {"a": 9, "b": 1}, {"a": 1}, {"a": 1, "b": 0}}
	seen := map[probe.Status]int{}
	for range 500 {
		a, b, unknown := draws.IntN(12), draws.IntN(12), draws.IntN(8)
		split := probe.Split{Answers: map[string]int{"a": a, "b": b}, Unattributed: unknown, Confidence: 0.9}
		want := endpoints[draws.IntN(len(endpoints))]
		got := split.Expect(want)
		seen[got.Status]++
		for mine := range unknown + 1 {
			whole := probe.Split{Answers: map[string]int{"a": a + mine, "b": b + unknown - mine}, Confidence: 0.9}
			for i, share := range whole.Shares() {
				vague := split.Shares()[i]
				require.LessOrEqual(t, vague.Low, share.Low)
				require.GreaterOrEqual(t, vague.High, share.High)
			}
			one := whole.Expect(want)
			switch got.Status {
			case probe.Passed:
				require.NotEqual(t, probe.Warned, one.Status, "%v as %v: %s", split, whole, got.Summary)
			case probe.Warned:
				require.Equal(t, probe.Warned, one.Status, "%v as %v: %s", split, whole, got.Summary)
			}
		}
		for cluster, n := range split.Answers {
			if n > 0 || !strings.Contains(got.Summary, cluster+" gave none") && !strings.Contains(got.Summary, cluster+" did not answer") {
				continue
			}
			chance := probe.Unseen(probe.ExpectedShares(want)[cluster], a+b)
			require.Contains(t, got.Summary, fmt.Sprintf("by chance in %.2g %%", 100*chance), "only attributed answers were not its own")
		}
	}
	for _, s := range []probe.Status{probe.Passed, probe.Warned, probe.Unknown} {
		require.Greater(t, seen[s], 10, "the samples show all of it: %v", seen)
	}
}

func TestAnswersToTell(t *testing.T) {
	n, err := probe.AnswersToTell(0.5, 0.7, 0.99)
	require.NoError(t, err)
	require.Greater(t, n, 20, "20 answers cannot tell 50/50 from 70/30")
	at := func(n int) probe.Share {
		hits := int(math.Round(0.7 * float64(n)))
		return probe.Split{Answers: map[string]int{"a": hits, "b": n - hits}}.Shares()[0]
	}
	require.Greater(t, at(n+10).Low, 0.5)
	require.Less(t, at(n-10).Low, 0.5)
	farther, err := probe.AnswersToTell(0.5, 1, 0.99)
	require.NoError(t, err)
	require.Less(t, farther, n)
	for _, wrong := range [][3]float64{{-1, .5, .9}, {.5, 2, .9}, {.5, .7, 1}, {.5, .7, 0}, {.5, .5, .9}, {math.NaN(), .5, .9}, {.5, .7, math.NaN()}} {
		_, err := probe.AnswersToTell(wrong[0], wrong[1], wrong[2])
		var field *probe.FieldError
		require.ErrorAs(t, err, &field, wrong)
	}
}

func TestSample(t *testing.T) {
	turns := 0
	alternating := probe.AskerFunc(func(context.Context) (probe.Attribution, error) {
		turns++
		switch {
		case turns%10 == 0:
			return probe.Attribution{}, errors.New("503")
		case turns%2 == 0:
			return probe.Attribution{Cluster: "cluster-1"}, nil
		}
		return probe.Attribution{Cluster: "cluster-2"}, nil
	})
	split, err := probe.Sampling{}.Sample(t.Context(), alternating)
	require.NoError(t, err)
	require.Less(t, turns, 400, "it stops when the shares are known well enough")
	for _, share := range split.Shares() {
		require.LessOrEqual(t, share.High-share.Low, 0.25)
	}
	require.Equal(t, turns, split.Total()+split.Failed)

	turns = 0
	split, err = probe.Sampling{Max: 7, Clusters: []string{"cluster-3"}}.Sample(t.Context(), alternating)
	require.NoError(t, err)
	require.Equal(t, 7, split.Total())
	require.Contains(t, split.String(), "cluster-3 0 of 7")

	broken := errors.New("no healthy upstream")
	split, err = probe.Sampling{}.Sample(t.Context(), probe.AskerFunc(func(context.Context) (probe.Attribution, error) { return probe.Attribution{}, broken }))
	require.ErrorIs(t, err, broken)
	require.Equal(t, 10, split.Failed)

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10500*time.Millisecond)
		defer cancel()
		slow := probe.AskerFunc(func(ctx context.Context) (probe.Attribution, error) {
			return probe.Attribution{Cluster: "cluster-1"}, nil
		})
		split, err := probe.Sampling{Every: time.Second, Width: 0.01}.Sample(ctx, slow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 11, split.Total())

		hanging := probe.AskerFunc(func(ctx context.Context) (probe.Attribution, error) {
			<-ctx.Done()
			return probe.Attribution{}, ctx.Err()
		})
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		split, err = probe.Sampling{}.Sample(ctx, hanging)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, split.Failed, "the caller's time was over, nothing failed")
	})
}
