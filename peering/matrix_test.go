package peering_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// faults are what can become of one request.
var faults = []struct {
	name string
	err  func(c peeringtest.Call) error
	lost bool // the server did it, and the answer did not arrive
}{
	{"error", func(peeringtest.Call) error { return errors.New("connection refused") }, false},
	{"timeout", func(peeringtest.Call) error { return context.DeadlineExceeded }, false},
	{"conflict", func(c peeringtest.Call) error {
		return apierrors.NewConflict(schema.GroupResource{Resource: c.Kind}, c.Name, errors.New("changed"))
	}, false},
	{"lost answer", func(peeringtest.Call) error { return errors.New("connection reset by peer") }, true},
}

// scenarios are the verbs, each with the state that it starts from.
var scenarios = []struct {
	name  string
	setup func(p *peering.Peering, link peering.Link) error
	goal  peering.Goal
	kind  secrets.Kind
}{
	{"ensure", nothing, peering.Present, secrets.KindDurable},
	{"ensure bound", nothing, peering.Present, secrets.KindBound},
	{"rotate", peered, peering.Rotated, secrets.KindDurable},
	{"rotate bound", peered, peering.Rotated, secrets.KindBound},
	{"remove", peered, peering.Absent, secrets.KindDurable},
}

func nothing(*peering.Peering, peering.Link) error { return nil }

func peered(p *peering.Peering, link peering.Link) error {
	_, err := p.Ensure(context.Background(), link)
	return err
}

// injector lets the n-th request that counts fail. Reviews are left out: they come in no order.
type injector struct {
	mu    sync.Mutex
	n     int
	err   func(peeringtest.Call) error
	seen  []string
	armed bool
}

func (i *injector) ask(c peeringtest.Call) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.armed || strings.HasSuffix(c.Kind, "Review") {
		return nil
	}
	i.seen = append(i.seen, c.Verb+" "+c.Kind+" "+c.Name)
	if len(i.seen) == i.n {
		return i.err(c)
	}
	return nil
}

// TestFailAtEveryStep makes every request of every verb fail in every way. After the failure there is the start, or what
// the report names; after one more call there is the goal, with no orphan credential. The table is printed with -v.
func TestFailAtEveryStep(t *testing.T) {
	for _, scenario := range scenarios {
		for _, fault := range faults {
			total := len(attempt(t, scenario.setup, scenario.goal, scenario.kind, 0, fault.err, fault.lost).seen)
			require.Greater(t, total, 8)
			for n := 1; n <= total; n++ {
				t.Run(fmt.Sprintf("%s/%s/%d", scenario.name, fault.name, n), func(t *testing.T) {
					o := attempt(t, scenario.setup, scenario.goal, scenario.kind, n, fault.err, fault.lost)
					require.NotEmpty(t, o.end)
					t.Logf("%-12s %-11s %-60s -> %s", scenario.name, fault.name, o.seen[n-1], o.end)
				})
			}
		}
	}
}

type outcome struct {
	seen []string
	end  string // what the failed call left
}

func attempt(t *testing.T, setup func(*peering.Peering, peering.Link) error, goal peering.Goal, kind secrets.Kind, n int, fault func(peeringtest.Call) error, lost bool) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := &peering.Peering{Credential: kind}
		require.NoError(t, setup(p, link))
		start := append(contents(t, east), contents(t, west)...)
		i := &injector{n: n, err: fault, armed: true}
		for _, m := range []*peeringtest.Member{east, west} {
			if lost {
				m.After = i.ask
			} else {
				m.Before = i.ask
			}
		}
		report, err := apply(p, goal, link)
		for _, m := range []*peeringtest.Member{east, west} {
			m.Before, m.After = nil, nil
		}
		o.seen = i.seen
		now := append(contents(t, east), contents(t, west)...)
		switch {
		case err == nil:
			o.end = "goal"
		case fmt.Sprint(start) == fmt.Sprint(now):
			o.end = "start"
		case len(report.Links[0].Left) > 0:
			o.end = "left, and named"
		case goal == peering.Absent || report.Links[0].Error.Stage == peering.StageSync:
			o.end = "half way, as the report says"
		default:
			require.Fail(t, "neither start nor goal", "%v\nstart %v\nnow   %v\n%+v", err, start, now, report.Links[0])
		}

		_, err = apply(p, goal, link)
		require.NoError(t, err, "one more call")
		if goal == peering.Absent {
			require.Empty(t, append(contents(t, east), contents(t, west)...))
			return
		}
		tokens, err := west.List(t.Context(), secret(""), peering.LabelGeneration)
		require.NoError(t, err)
		require.Len(t, tokens, 1, "no orphan credential")
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.True(t, plan.Empty())
	})
	return o
}

func apply(p *peering.Peering, goal peering.Goal, link peering.Link) (*peering.Report, error) {
	switch goal {
	case peering.Rotated:
		return p.Rotate(context.Background(), link)
	case peering.Absent:
		return p.Remove(context.Background(), link)
	}
	return p.Ensure(context.Background(), link)
}
