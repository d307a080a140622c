package peering

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// refusalTimeout bounds the wait until a revoked token is refused: the API server trusts an accepted token for 10 s more
// (pkg/kubeapiserver/options/authentication.go), and there may be several servers.
const refusalTimeout = 30 * time.Second

// revokeOld ends the tokens of the link that are not in use any more, also those of runs that died. It waits for the proof
// that every istiod uses the new one.
func (t *task) revokeOld() (steps []step) {
	for _, token := range t.seen.tokens {
		if t.seen.stale != "" || token.Name != t.seen.ref.Name {
			steps = append(steps, t.onceSeen(t.revokeObject(token)))
		}
	}
	if old := t.seen.ref; t.seen.stale != "" && t.Tokens != nil && old.Kind != "" && !t.listed(old) {
		steps = append(steps, t.onceSeen(t.revokeRef(old)))
	}
	if old := t.seen.old; old != nil {
		steps = append(steps, t.onceSeen(t.revokeAdopted(old)))
	}
	return steps
}

// onceSeen keeps an old credential alive where no istiod could be seen to use the new one, and where From's remote secret is not
// known to hold the new one.
func (t *task) onceSeen(s step) step {
	do := s.do
	s.do = func(t *task, ctx context.Context, s step) (apply.Undo, error) {
		if !t.confirmed {
			return nil, &keptError{"kept: not every istiod could be seen to use the new token; the next Ensure looks again"}
		}
		if t.inUse(s.live) {
			return nil, &keptError{"kept: Peering.Tokens gave the same token again, which is in use"}
		}
		if err := t.lastLook(ctx); err != nil {
			return nil, err
		}
		t.ended = true
		return do(t, ctx, s)
	}
	return s
}

// inUse says whether an object keeps the token alive that From is to use.
func (t *task) inUse(live Object) bool {
	s, ok := live.(*corev1.Secret)
	if !ok {
		return false
	}
	value := string(s.Data[corev1.ServiceAccountTokenKey])
	return value != "" && t.token.Equal(secrets.NewToken(value, time.Time{})) || s.UID != "" && string(s.UID) == t.token.Ref().UID
}

// revokeAll ends every token of the link.
func (t *task) revokeAll() (steps []step) {
	if t.to.err != nil {
		change := Change{Stage: StageRevoke, On: t.To.ID, Object: "Token/" + t.want.reader.namespace + "/" + t.reader() + "-*", Action: Revoked}
		if t.seen.ref.Name != "" {
			change.Object = tokenObject(t.seen.ref)
		}
		return []step{{kind: clean, ends: true, Step: Step{Change: change}, do: t.to.cannot}}
	}
	for _, token := range t.seen.tokens {
		steps = append(steps, t.revokeObject(token))
	}
	if ref := t.seen.ref; t.Tokens != nil && ref.Kind != "" && !t.listed(ref) {
		steps = append(steps, t.revokeRef(ref))
	}
	return steps
}

// revokeObject deletes the object that stands for a token.
func (t *task) revokeObject(token *corev1.Secret) step {
	return step{
		kind: clean, ends: true, live: token, do: (*task).drop,
		Step: Step{Change: Change{Stage: StageRevoke, On: t.To.ID, Object: "Token/" + token.Namespace + "/" + token.Name, Action: Revoked}, UID: string(token.UID)},
	}
}

// revokeRef asks a source of the caller's to end a token that it made.
func (t *task) revokeRef(ref secrets.Ref) step {
	return step{
		kind: clean, ends: true, Step: Step{Change: Change{Stage: StageRevoke, On: t.To.ID, Object: tokenObject(ref), Action: Revoked}},
		do: func(t *task, ctx context.Context, _ step) (apply.Undo, error) {
			if now := t.token.Ref(); t.goal != Absent && (now.Fingerprint == ref.Fingerprint || ref.UID != "" && now.UID == ref.UID) {
				return nil, &keptError{"kept: Peering.Tokens gave the same token again, which is in use"}
			}
			return nil, revoke(ctx, t.source(t.to, ref.Namespace), ref)
		},
	}
}

func tokenObject(ref secrets.Ref) string { return "Token/" + ref.Namespace + "/" + ref.Name }

func (t *task) listed(ref secrets.Ref) bool {
	for _, token := range t.seen.tokens {
		if string(token.UID) == ref.UID {
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

// awaitRefused proves that credentials which ended are of no use any more: on Absent that which was shared, and with
// Peering.AwaitRefusal every old one.
func (t *task) awaitRefused() (steps []step) {
	if t.to.err != nil || t.goal != Absent && !t.AwaitRefusal {
		return nil
	}
	shared := t.seen.shared.Token
	if t.seen.useless == "" && (t.goal == Absent || t.seen.stale != "") {
		object := tokenObject(t.seen.ref)
		if holder := t.holderOf(shared); holder != nil {
			object = tokenObject(secrets.Ref{Namespace: holder.Namespace, Name: holder.Name})
		}
		if !t.seen.adopted || t.seen.old != nil {
			steps = append(steps, t.awaitRefusal(object, shared))
		}
	}
	if t.goal == Absent {
		return steps
	}
	for _, s := range t.seen.tokens {
		token := secrets.NewToken(string(s.Data[corev1.ServiceAccountTokenKey]), time.Time{})
		if t.seen.stale == "" && s.Name == t.seen.ref.Name || token.Equal(shared) || t.seen.useless == "" && string(s.UID) == t.seen.ref.UID {
			continue
		}
		steps = append(steps, t.awaitRefusal("Token/"+s.Namespace+"/"+s.Name, token))
	}
	return steps
}

// holderOf is the object in To that is seen to hold a token, whatever the record says; nil if none is.
func (t *task) holderOf(token secrets.Token) *corev1.Secret {
	if t.seen.old != nil {
		return t.seen.old
	}
	for _, s := range t.seen.tokens {
		if token.Equal(secrets.NewToken(string(s.Data[corev1.ServiceAccountTokenKey]), time.Time{})) {
			return s
		}
	}
	return nil
}

// awaitRefusal asks with a token until the API server answers 401.
func (t *task) awaitRefusal(object string, token secrets.Token) step {
	return step{
		kind: verify, Step: Step{Change: Change{Stage: StageRevoke, On: t.To.ID, Object: object, Action: Verified}},
		do: func(t *task, ctx context.Context, s step) (apply.Undo, error) {
			result, err := t.refusal(ctx, s.Object, token)
			t.report.Results = append(t.report.Results, result)
			return nil, err
		},
	}
}

func (t *task) refusal(ctx context.Context, object string, token secrets.Token) (probe.Result, error) {
	result := probe.Result{Check: "credential-refused", Target: t.To.ID.String(), Status: probe.Unknown}
	switch {
	case t.left(object):
		result.Status, result.Summary = probe.Warned, "the old token was kept, and works"
		result.Hint = "see what the report says of " + object
		return result, nil
	case token.IsZero():
		result.Summary, result.Hint = "the value of "+object+" is not known here: whether it is refused could not be tried",
			"its object is deleted, which ends it within 10 s"
		return result, nil
	}
	start := time.Now()
	var last error
	var err error
	t.idle(func() {
		err = wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, refusalTimeout, true, func(ctx context.Context) (bool, error) {
			_, last = t.as(ctx, token, nil)
			return apierrors.IsUnauthorized(last), nil
		})
	})
	result.Took = time.Since(start)
	switch {
	case err == nil:
		result.Status, result.Summary = probe.Passed, "the API server answers 401 to the revoked token"
	case last != nil: // no answer, or another one than yes
		result.Err, err = last, ctx.Err()
		result.Summary, result.Hint = "the API server cannot be asked", "its object is deleted; ask again when the server is back"
	default:
		err = errors.Join(errors.New("the revoked token is still accepted"), err)
		result.Status, result.Err, result.Summary = probe.Failed, err, "the revoked token is still accepted"
		result.Hint = "look for another object that keeps the token valid, and for an authenticating proxy with a cache"
	}
	return result, err
}

// left says whether the end of a credential is among what this call left behind.
func (t *task) left(object string) bool {
	for _, c := range t.report.Left {
		if c.Object == line(object) || c.Object == object {
			return true
		}
	}
	return false
}

func ending(at time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	return fmt.Sprint("at ", at.UTC().Format(time.RFC3339))
}
