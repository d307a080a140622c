package peering

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// verified is the goal of Verify: look, change nothing.
const verified Goal = ""

// Verify checks each link from the bottom up (remote secret, credential, rights, every istiod replica, and with a
// [Workload] up to an answer from To) and changes nothing. The first result that is not Passed is the diagnosis. The error
// joins one *Error for each link that is seen not to work; what could not be seen is Unknown in the report and is not an
// error.
func (p *Peering) Verify(ctx context.Context, links ...Link) (*Report, error) {
	return p.run(ctx, verified, links)
}

// check is a step that looks once.
func (w *work) check(stage Stage, on ID, object string, look func(context.Context) (probe.Result, error)) []step {
	s := step{kind: verify, Step: Step{Change: Change{Stage: stage, On: on, Object: object, Action: Verified}}}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
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
		w.report.Results = append(w.report.Results, result)
		if result.Status != probe.Failed {
			err = nil
		}
		return nil, err
	}
	return []step{s}
}

func (w *work) checkSecret() []step {
	if w.From.Hosted {
		return nil
	}
	object := "Secret/" + w.From.namespace() + "/" + w.secretName()
	return w.check(StageShare, w.From.ID, object, func(context.Context) (probe.Result, error) {
		result := probe.Result{Check: "remote-secret", Target: object + " of " + w.From.ID.String()}
		shared, why := w.shared()
		if why != "" {
			result.Hint = "call Ensure"
			return result, errors.New(why)
		}
		result.Status, result.Summary = probe.Passed, "istiod accepts it for "+address(shared.Endpoint)
		var refused []error
		for i, problem := range (secrets.LintOptions{Namespace: w.From.namespace()}).Lint(w.live.secret) {
			if i == 0 {
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
		w.token = shared.Token.WithRef(w.live.ref)
		w.note(w.live.ref)
		return result, nil
	})
}

func joined(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

func (w *work) checkToken() []step {
	if w.From.Hosted {
		return nil
	}
	return w.check(StageMint, w.To.ID, "Token", func(ctx context.Context) (probe.Result, error) {
		result := probe.Result{Check: "credential", Target: w.want.reader.user()}
		_, err := w.identify(ctx, w.token, w.live.accountUID)
		if err == nil {
			result.Summary = "the API server of " + w.To.ID.String() + " accepts the token as the reader's"
		}
		return result, err
	})
}

func (w *work) checkRights() []step {
	if w.From.Hosted {
		return nil
	}
	return w.check(StageGrant, w.To.ID, "ServiceAccount/"+w.want.reader.String(), func(ctx context.Context) (probe.Result, error) {
		needs := w.needs()
		result := probe.Result{Check: "rights", Target: w.want.reader.String()}
		err := w.proveOnce(ctx, w.token, &needs)
		switch {
		case apierrors.IsUnauthorized(err), unreachable(err): // the check before this one says it
			result.Status = probe.Skipped
			err = nil
		case err == nil:
			result.Summary = fmt.Sprintf("all %d rights that istiod's informers need", len(w.needs()))
		}
		return result, err
	})
}
