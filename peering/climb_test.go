package peering_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// own is a check of a user, as anybody may write one.
type own struct {
	invalid error
	rungs   []traffic.Rung
	got     func(from, to traffic.Side)
}

func (o own) Validate() error { return o.invalid }

func (o own) Rungs(from, to traffic.Side) []traffic.Rung {
	if o.got != nil {
		o.got(from, to)
	}
	return o.rungs
}

// says is a rung that says the same each time and counts how often it is climbed.
func says(check string, climbed *[]string, r probe.Result) traffic.Rung {
	prober := probe.ProberFunc(func(context.Context) probe.Result {
		*climbed = append(*climbed, check)
		return r
	})
	return traffic.Rung{Stage: traffic.StageSync, Check: check, Object: "Deployment/shop/" + check, Prober: prober}
}

// TestOwnCheck: what a program runs is tried as a Workload is, rung after rung, up to the first that fails.
func TestOwnCheck(t *testing.T) {
	refused := errors.New("code 14")
	good := probe.Result{Status: probe.Passed, Summary: "it answers"}
	bad := probe.Result{Status: probe.Failed, Summary: "nobody answers", Hint: "start it", Err: refused}
	for name, tt := range map[string]struct {
		first, second probe.Result
		climbed       []string
		status        probe.Status
	}{
		"both hold":            {good, good, []string{"grpc", "order"}, probe.Passed},
		"the first fails":      {bad, good, []string{"grpc"}, probe.Failed},
		"the second fails":     {good, bad, []string{"grpc", "order"}, probe.Failed},
		"the first is unknown": {probe.Result{Status: probe.Unknown, Summary: "not seen", Hint: "look"}, good, []string{"grpc", "order"}, probe.Unknown},
		"no status":            {probe.Result{}, good, []string{"grpc", "order"}, probe.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, link := pair()
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
				var climbed []string
				var events []peering.Event
				p := &peering.Peering{
					Workload: own{rungs: []traffic.Rung{says("grpc", &climbed, tt.first), says("order", &climbed, tt.second)}},
					Observe:  func(e peering.Event) { events = append(events, e) },
				}
				report, err := p.Verify(t.Context(), link)
				require.Equal(t, tt.climbed, climbed)
				require.Equal(t, tt.status, report.Status())
				var checks []string
				for _, r := range report.Links[0].Results[4:] {
					checks = append(checks, r.Check)
					require.NotEmpty(t, r.Target)
				}
				require.Equal(t, tt.climbed, checks)
				last := events[len(events)-1]
				require.Equal(t, peering.Change{Stage: peering.StageSync, On: link.From.ID, Object: "Deployment/shop/" + climbed[len(climbed)-1], Action: peering.Verified}, last.Change)
				if tt.status != probe.Failed {
					require.NoError(t, err)
					return
				}
				var level *traffic.LevelError
				require.ErrorAs(t, err, &level)
				require.Equal(t, climbed[len(climbed)-1], level.Check)
				require.ErrorIs(t, err, refused)
				require.Equal(t, "start it", report.Links[0].Error.Hint)
			})
		})
	}
}

// TestOwnCheckThatLooksAtNothing is not good: nothing was seen.
func TestOwnCheckThatLooksAtNothing(t *testing.T) {
	for name, rungs := range map[string][]traffic.Rung{
		"no rungs":  nil,
		"no prober": {{Check: "grpc"}},
		"panic":     {{Check: "grpc", Prober: probe.ProberFunc(func(context.Context) probe.Result { panic("no") })}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, link := pair()
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
				report, err := (&peering.Peering{Workload: own{rungs: rungs}}).Verify(t.Context(), link)
				require.NoError(t, err)
				results := report.Links[0].Results
				require.Len(t, results, 5)
				require.Equal(t, probe.Unknown, results[4].Status)
				require.NotEmpty(t, results[4].Hint)
				require.Equal(t, probe.Unknown, report.Status())
			})
		})
	}
}

func TestOwnCheckIsValidated(t *testing.T) {
	_, east, _, link := pair()
	wrong := errors.New("no port")
	_, err := (&peering.Peering{Workload: own{invalid: wrong}}).Verify(t.Context(), link)
	require.ErrorIs(t, err, wrong)
	require.ErrorContains(t, err, "Peering.Workload: no port")
	require.Empty(t, east.Calls())
}

// TestNoWorkload: a nil pointer in the interface is none, too.
func TestNoWorkload(t *testing.T) {
	for name, check := range map[string]traffic.Check{"nil": nil, "a nil Workload": (*traffic.Workload)(nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, link := pair()
				p := &peering.Peering{Workload: check}
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				report, err := p.Verify(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, probe.Passed, report.Status())
				require.Len(t, report.Links[0].Results, 4)
			})
		})
	}
}

// TestSides are the clusters as the caller filled them; the istiods are those that the call has found already.
func TestSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		east.Cluster.Namespace = "mesh"
		west.Cluster.Hosted, west.Cluster.Istiods = true, nil
		from, to := link.Sides()
		require.Equal(t, []any{"east", "mesh", false}, []any{from.ID, from.Namespace, from.Hosted})
		require.Equal(t, []any{"west", "istio-system", true}, []any{to.ID, to.Namespace, to.Hosted})
		require.Nil(t, to.Replicas)
		require.NotNil(t, to.Exec)

		east.Cluster.Namespace = ""
		found := &counting{SyncReader: east.Istiods}
		east.Cluster.Istiods = found
		var replicas []istiod.Replica
		p := &peering.Peering{Workload: own{got: func(from, _ traffic.Side) { replicas, err = from.Replicas(t.Context()) }}}
		_, verifyErr := p.Verify(t.Context(), link)
		require.NoError(t, errors.Join(err, verifyErr))
		require.Len(t, replicas, 1)
		require.Equal(t, 1, found.calls)
	})
}

type counting struct {
	peering.SyncReader
	calls int
}

func (c *counting) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	c.calls++
	return c.SyncReader.Replicas(ctx)
}

// result is the one of a check on the first link.
func result(t *testing.T, r *peering.Report, check string) probe.Result {
	t.Helper()
	results := r.Links[0].Results
	i := slices.IndexFunc(results, func(got probe.Result) bool { return got.Check == check })
	require.GreaterOrEqual(t, i, 0, "no result of %s in %v", check, results)
	return results[i]
}
