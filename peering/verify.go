package peering

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// verified is the goal of Verify: look, change nothing.
const verified Goal = ""

// Verify checks each link from the bottom up, up to [Peering.Workload], and changes nothing that is there. The first result that
// is not Passed is the diagnosis. The error joins one *Error for each link that failed.
func (p *Peering) Verify(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, verified, links, nil)
}

// check is a step that looks once.
func (t *task) check(stage Stage, on ID, object string, look func(context.Context) (probe.Result, error)) []step {
	return []step{{
		kind: verify, Step: Step{Change: Change{Stage: stage, On: on, Object: object, Action: Verified}},
		do: func(t *task, ctx context.Context, _ step) (apply.Undo, error) {
			start := time.Now()
			result, err := look(ctx)
			result.Took, result.Err = time.Since(start), err
			switch {
			case result.Status == probe.Unknown, err == nil && isStatus(result.Status):
			case err == nil && result.Status == "":
				result.Status = probe.Passed
			case err == nil, unreachable(err):
				result.Status = probe.Unknown
			default:
				result.Status = probe.Failed
			}
			if err != nil && result.Hint == "" {
				result.Hint = hint(err)
			}
			if result.Summary == "" && result.Err != nil {
				result.Summary = result.Err.Error()
			}
			t.report.Results = append(t.report.Results, result)
			if result.Status != probe.Failed {
				err = nil
			}
			return nil, err
		},
	}}
}

// leaveToHost is all that Absent can do of a link whose control plane runs elsewhere.
func (t *task) leaveToHost() []step {
	return t.check(StageSync, t.From.ID, "istiod", func(context.Context) (probe.Result, error) {
		return probe.Result{
			Check: "istiod-forgot", Target: t.From.ID.String(), Status: probe.Unknown,
			Summary: "the control plane is hosted: what it reads is its host's to end", Hint: "end it there, for ASM by removing the cluster from the mesh",
		}, nil
	})
}

func (t *task) checkSecret() []step {
	if t.From.Hosted {
		return nil
	}
	object := "Secret/" + t.From.namespace() + "/" + t.secretName()
	return t.check(StageShare, t.From.ID, object, func(context.Context) (probe.Result, error) {
		result := probe.Result{Check: "remote-secret", Target: object + " of " + t.From.ID.String()}
		if t.seen.useless != "" {
			result.Hint = "call Ensure"
			if s := t.seen.secret; s != nil && t.seen.foreign != "" {
				result.Hint = ""
				return result, fmt.Errorf("%s: %w", t.seen.useless, &ForeignObjectError{Object: apply.Name(s), Owner: t.seen.foreign, Adoptable: true})
			}
			return result, errors.New(t.seen.useless)
		}
		result.Status, result.Summary = probe.Passed, "istiod accepts it for "+address(t.seen.shared.Endpoint)
		if t.seen.foreign != "" {
			result.Status, result.Summary = probe.Warned, result.Summary+"; it is not this module's: its owner: "+t.seen.foreign
			result.Hint = "Ensure with Peering.Adopt takes it over in place"
		}
		var refused []error
		for _, problem := range (secrets.LintOptions{Namespace: t.From.namespace()}).Lint(t.seen.secret) {
			if result.Status == probe.Passed {
				result.Status, result.Summary = probe.Warned, ""
			}
			result.Summary, result.Hint = joined(result.Summary, problem.Message), joined(result.Hint, problem.Remedy)
			if problem.Severity == secrets.SeverityError {
				refused = append(refused, problem)
			}
		}
		if len(refused) > 0 {
			return result, errors.Join(refused...)
		}
		t.token = t.seen.shared.Token.WithRef(t.seen.ref)
		if t.seen.foreign == "" {
			t.note(t.seen.ref)
		}
		return result, nil
	})
}

func joined(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

func (t *task) checkToken() []step {
	if t.From.Hosted {
		return nil
	}
	return t.check(StageMint, t.To.ID, "Token", func(ctx context.Context) (probe.Result, error) {
		result := probe.Result{Check: "credential", Target: t.want.reader.user()}
		if t.seen.foreign != "" { // whom it speaks for, the API server has yet to say
			result.Target = "the token in Secret/" + t.From.namespace() + "/" + t.secretName() + " of " + t.From.ID.String()
		}
		err := t.identify(ctx, t.token, t.seen.accountUID, nil)
		switch {
		case err == nil && t.seen.foreign != "":
			result.Target, result.Summary = line(t.speaksFor), "the API server of "+t.To.ID.String()+" accepts the token"
		case err == nil:
			result.Summary = "the API server of " + t.To.ID.String() + " accepts the token as the reader's"
		}
		return result, err
	})
}

func (t *task) checkRights() []step {
	if t.From.Hosted {
		return nil
	}
	return t.check(StageGrant, t.To.ID, "ServiceAccount/"+t.want.reader.String(), func(ctx context.Context) (probe.Result, error) {
		needs := t.needs()
		result := probe.Result{Check: "rights", Target: cmp.Or(line(t.speaksFor), t.want.reader.String())}
		err := t.proveOnce(ctx, t.token, &needs)
		switch {
		case apierrors.IsUnauthorized(err), unreachable(err): // the check before this one says it
			result.Status = probe.Skipped
			err = nil
		case err == nil:
			result.Summary = fmt.Sprintf("all %d rights that istiod's informers need", len(t.needs()))
		}
		return result, err
	})
}

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
