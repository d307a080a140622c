package conformance_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// own is a check that looks whether the client is deployed.
type own struct {
	invalid error
	rungs   func(from, to traffic.Side) []traffic.Rung
}

func (o own) Validate() error { return o.invalid }

func (o own) Rungs(from, to traffic.Side) []traffic.Rung { return o.rungs(from, to) }

// deployed reads the client's Deployment.
func deployed(ctx context.Context, from traffic.Side) (*appsv1.Deployment, error) {
	o, err := from.Objects.Get(ctx, &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "sleep"},
	})
	if err != nil {
		return nil, err
	}
	return o.(*appsv1.Deployment), nil
}

func good(ctx context.Context, from traffic.Side) probe.Result {
	if _, err := deployed(ctx, from); err != nil {
		return probe.Result{Status: probe.Unknown, Summary: "the client is not seen", Hint: "let the caller get deployments", Err: err}
	}
	return probe.Result{Status: probe.Passed, Summary: "the client is there"}
}

func TestCheckSuiteCanFail(t *testing.T) {
	mutant := func(check own) func(*testing.T) []suite.Rule {
		return func(t *testing.T) []suite.Rule {
			mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
			link := peering.Link{From: mesh.Member("east").Cluster, To: mesh.Member("west").Cluster}
			_, err := new(peering.Peering).Ensure(t.Context(), link)
			require.NoError(t, err)
			from, to := link.Sides()
			return conformance.CheckRules(check, from, to)
		}
	}
	looks := func(look func(ctx context.Context, from traffic.Side) probe.Result) own {
		return own{rungs: func(from, _ traffic.Side) []traffic.Rung {
			return []traffic.Rung{{Check: "client", Prober: probe.ProberFunc(func(ctx context.Context) probe.Result { return look(ctx, from) })}}
		}}
	}
	invalid := looks(good)
	invalid.invalid = errors.New("Port is 0")
	var turn atomic.Int64
	suite.Mutants(t, mutant(looks(good)), map[string]func(*testing.T) []suite.Rule{
		"Validate takes it": mutant(invalid),
		"there is a rung, and each has a prober": mutant(own{rungs: func(traffic.Side, traffic.Side) []traffic.Rung {
			return []traffic.Rung{{Check: "client"}}
		}}),
		"Rungs asks nobody": mutant(own{rungs: func(from, to traffic.Side) []traffic.Rung {
			_, _ = deployed(context.Background(), from)
			return looks(good).rungs(from, to)
		}}),
		"Rungs are the same for every caller at the same time": mutant(own{rungs: func(from, to traffic.Side) []traffic.Rung {
			rungs := looks(good).rungs(from, to)
			if turn.Add(1)%3 == 0 { // a list that is shared
				rungs = append(rungs, rungs...)
			}
			return rungs
		}}),
		"each rung says what it looked at": mutant(own{rungs: func(from, to traffic.Side) []traffic.Rung {
			rungs := looks(good).rungs(from, to)
			return append(rungs, rungs...)
		}}),
		"it passes where it holds, again and again": mutant(looks(func(context.Context, traffic.Side) probe.Result {
			return probe.Result{Status: probe.Unknown, Summary: "nobody has looked", Hint: "look"}
		})),
		"it changes nothing": mutant(looks(func(ctx context.Context, from traffic.Side) probe.Result {
			d, err := deployed(ctx, from)
			if err == nil {
				_, _ = from.Objects.Update(ctx, d)
			}
			return good(ctx, from)
		})),
		"where nothing answers, not all pass, and what does not hold has a next step": mutant(looks(func(ctx context.Context, from traffic.Side) probe.Result {
			_, _ = deployed(ctx, from)
			return probe.Result{Status: probe.Passed, Summary: "nobody said no"}
		})),
		"a rung whose context has ended comes back": mutant(looks(func(ctx context.Context, from traffic.Side) probe.Result {
			if ctx.Err() != nil {
				time.Sleep(time.Minute)
			}
			return good(ctx, from)
		})),
	})
}
