package peering

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// refusalTimeout bounds the wait until a revoked token is refused: the API server trusts an accepted token for 10 s more
// (pkg/kubeapiserver/options/authentication.go), and there may be several servers.
const refusalTimeout = 30 * time.Second

// revokeOld ends the tokens of the link that are not in use any more, also those of runs that died. It waits for the proof
// that every istiod uses the new one.
func (w *work) revokeOld() []step {
	var steps []step
	for _, t := range w.live.tokens {
		if w.live.stale != "" || t.Name != w.live.ref.Name {
			steps = append(steps, w.onceSeen(w.revokeObject(t)))
		}
	}
	if old := w.live.ref; w.live.stale != "" && w.Tokens != nil && old.Kind != "" && !w.listed(old) {
		steps = append(steps, w.onceSeen(w.revokeRef(old)))
	}
	return append(steps, w.revokeAdopted()...)
}

// onceSeen keeps the old token alive where no istiod could be seen to use the new one.
func (w *work) onceSeen(s step) step {
	do := s.do
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		if !w.seen {
			return nil, &keptError{"kept: not every istiod could be seen to use the new token; the next Ensure looks again"}
		}
		return do(ctx)
	}
	return s
}

// revokeAll ends every token of the link.
func (w *work) revokeAll() []step {
	if w.to.err != nil {
		change := Change{Stage: StageRevoke, On: w.To.ID, Object: "Token/" + w.want.reader.namespace + "/" + w.reader() + "-*", Action: Revoked}
		if w.live.ref.Name != "" {
			change.Object = "Token/" + w.live.ref.Namespace + "/" + w.live.ref.Name
		}
		return []step{{kind: clean, Step: Step{Change: change}, do: cannot(w.to.err)}}
	}
	var steps []step
	for _, t := range w.live.tokens {
		steps = append(steps, w.revokeObject(t))
	}
	if ref := w.live.ref; w.Tokens != nil && ref.Kind != "" && !w.listed(ref) {
		steps = append(steps, w.revokeRef(ref))
	}
	return steps
}

// revokeObject deletes the object that stands for a token.
func (w *work) revokeObject(t *corev1.Secret) step {
	return step{
		kind: clean,
		Step: Step{Change: Change{Stage: StageRevoke, On: w.To.ID, Object: "Token/" + t.Namespace + "/" + t.Name, Action: Revoked}, UID: string(t.UID)},
		do: func(ctx context.Context) (func(context.Context) error, error) {
			return nil, remove(ctx, w.to.Objects, t)
		},
	}
}

// revokeRef asks a source of the caller's to end a token that it made.
func (w *work) revokeRef(ref secrets.Ref) step {
	return step{
		kind: clean, Step: Step{Change: Change{Stage: StageRevoke, On: w.To.ID, Object: "Token/" + ref.Namespace + "/" + ref.Name, Action: Revoked}},
		do: func(ctx context.Context) (func(context.Context) error, error) {
			return nil, revoke(ctx, w.source(w.To, ref.Namespace), ref)
		},
	}
}

func (w *work) listed(ref secrets.Ref) bool {
	for _, t := range w.live.tokens {
		if string(t.UID) == ref.UID {
			return true
		}
	}
	return false
}

func revoke(ctx context.Context, source secrets.TokenSource, ref secrets.Ref) error {
	if r, ok := source.(secrets.Revoker); ok {
		return r.Revoke(ctx, ref)
	}
	return secrets.ErrNotRevocable
}

// awaitRefused proves that the credential which was shared is of no use any more.
func (w *work) awaitRefused() []step {
	shared, why := w.shared()
	if why != "" || w.to.err != nil {
		return nil
	}
	s := step{kind: verify, Step: Step{Change: Change{Stage: StageRevoke, On: w.To.ID, Object: "Token/" + w.live.ref.Namespace + "/" + w.live.ref.Name, Action: Verified}}}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		start := time.Now()
		var last error
		err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, refusalTimeout, true, func(ctx context.Context) (bool, error) {
			_, _, last = w.as(ctx, shared.Token)
			return apierrors.IsUnauthorized(last), nil
		})
		result := probe.Result{
			Check: "credential-refused", Target: w.To.ID.String(), Status: probe.Passed, Took: time.Since(start),
			Summary: "the API server answers 401 to the revoked token",
		}
		switch {
		case err == nil:
		case unreachable(last):
			result.Status, result.Err, err = probe.Unknown, last, nil
			result.Summary, result.Hint = "the API server cannot be asked", "its object is deleted; ask again when the server is back"
		default:
			err = errors.Join(errors.New("the revoked token is still accepted"), err)
			result.Status, result.Err, result.Summary = probe.Failed, err, "the revoked token is still accepted"
			result.Hint = "look for another object that keeps the token valid, and for an authenticating proxy with a cache"
		}
		w.report.Results = append(w.report.Results, result)
		return nil, err
	}
	return []step{s}
}
