package peering

import (
	"cmp"
	"context"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// climb are the levels of Verify above what istiods say of their own sync: the rungs of Peering.Workload, each a step. Each
// needs those below it, so the first that fails is the diagnosis; one that cannot be seen from here is Unknown, and the climb
// goes on.
func (t *task) climb() (steps []step) {
	workload := t.workload()
	if workload == nil {
		return nil
	}
	from, to := t.Sides()
	from.Replicas = func(context.Context) ([]istiod.Replica, error) { return t.from.istiods, t.from.noIstiod } // those of this call
	rungs := workload.Rungs(from, to)
	if len(rungs) == 0 {
		rungs = []traffic.Rung{{Check: "workload", Prober: probe.Ladder{}}} // Unknown
	}
	for _, r := range rungs {
		stage := StageProbe
		if r.Stage == traffic.StageSync {
			stage = StageSync
		}
		steps = append(steps, t.check(stage, t.From.ID, cmp.Or(r.Object, r.Check), func(ctx context.Context) (probe.Result, error) {
			result := r.Probe(ctx)
			if result.Target == "" {
				result.Target = t.To.ID.String() + " from " + t.From.ID.String()
			}
			return result, result.Err
		})...)
	}
	return steps
}

// workload is Peering.Workload; nil also for a nil *traffic.Workload in it.
func (p *Peering) workload() traffic.Check {
	if w, ok := p.Workload.(*traffic.Workload); ok && w == nil {
		return nil
	}
	return p.Workload
}
