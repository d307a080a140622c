package peering

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/rights"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// proofTimeout bounds the wait until an API server accepts what it has just stored: its authenticator and its authorizer
// read from caches.
const proofTimeout = 10 * time.Second

// mint makes a token of the next generation and proves it before anybody gets it. A good one is kept.
func (t *task) mint() []step {
	s := step{Step: Step{Change: Change{Stage: StageMint, On: t.To.ID, Object: "Token/" + t.seen.ref.Namespace + "/" + t.seen.ref.Name, Action: Unchanged}}}
	if t.seen.stale == "" {
		t.note(t.seen.ref)
		return []step{s}
	}
	request := t.request()
	s.Object, s.Action, s.Reason, s.do = "Token/"+request.Namespace+"/"+request.Name, Created, t.seen.stale, (*task).mintAndProve
	return []step{s}
}

// request is for a token of the next generation.
func (t *task) request() secrets.Request {
	next := t.seen.ref.Generation
	for _, token := range t.seen.tokens {
		next = max(next, generation(token))
	}
	next++
	return secrets.Request{
		Reader:    t.From.ID.String(),
		Namespace: t.want.reader.namespace, ServiceAccount: t.want.reader.name, ServiceAccountUID: t.seen.accountUID,
		Generation:  next,
		Name:        fmt.Sprintf("%s-%d", t.reader(), next),
		Labels:      generationLabels(t.Link, next),
		Annotations: map[string]string{AnnotationRun: t.nonce},
	}
}

func (t *task) mintAndProve(ctx context.Context, _ step) (apply.Undo, error) {
	request := t.request()
	source := t.source(t.to, request.Namespace)
	token, err := t.obtain(ctx, source, request)
	if err != nil {
		return func(ctx context.Context) error { return t.unmade(ctx, request) }, err
	}
	t.token = token
	t.note(token.Ref())
	err = t.prove(ctx, request, token)
	if token.Equal(t.seen.shared.Token) {
		return nil, err // the source gave the one that is in use, which the undo must not end
	}
	return func(ctx context.Context) error { return t.unmint(ctx, source, request, token, err) }, err
}

// obtain asks the source. What a source of the caller's answers is told from what To answers.
func (t *task) obtain(ctx context.Context, source secrets.TokenSource, r secrets.Request) (secrets.Token, error) {
	if source == nil {
		return secrets.Token{}, &RefusedTokenError{Cluster: t.To.ID, Reason: "there is no source for this cluster: Peering.Tokens returned nil"}
	}
	token, err := source.Token(ctx, r)
	if err != nil && t.Tokens != nil {
		err = &sourceError{err}
	}
	if err == nil && token.IsZero() {
		err = &RefusedTokenError{Cluster: t.To.ID, Reason: "the source gave an empty token"}
	}
	return token, err
}

// sourceError is what a source of the caller's answered: no word of To's API server.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "Peering.Tokens: " + oneLine(e.err) }

func (e *sourceError) Unwrap() error { return e.err }

// unmint revokes a new token. proof is what came of its proof. A source that cannot revoke leaves nothing behind if the
// call made no object for it: the token was there before, or To refuses it.
func (t *task) unmint(ctx context.Context, source secrets.TokenSource, r secrets.Request, token secrets.Token, proof error) error {
	err := revoke(ctx, source, token.Ref())
	if !errors.Is(err, secrets.ErrNotRevocable) {
		return err
	}
	made, err := t.made(ctx, r)
	switch {
	case err != nil:
		return err
	case made != nil:
		return t.writer(t.to).Delete(ctx, made)
	}
	if token.Ref().Kind != secrets.KindStatic && !apierrors.IsUnauthorized(proof) {
		t.warn(fmt.Sprintf("the token with fingerprint %s stays valid: Peering.Tokens gave it, and its source cannot revoke", token.Ref().Fingerprint))
	}
	return apply.ErrNothing
}

// unmade deletes a token object whose creation was answered with an error but took place.
func (t *task) unmade(ctx context.Context, r secrets.Request) error {
	made, err := t.made(ctx, r)
	if err != nil {
		return err
	}
	if made == nil {
		return apply.ErrNothing
	}
	return t.writer(t.to).Delete(ctx, made)
}

// made is the token object that this call created, told by its nonce; nil if there is none.
func (t *task) made(ctx context.Context, r secrets.Request) (Object, error) {
	found, err := find(ctx, t.to.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name}})
	if err != nil || found == nil || found.GetAnnotations()[AnnotationRun] != t.nonce {
		return nil, err
	}
	return found, nil
}

// prove uses the token as istiod will: it must be accepted, as the account of the link, with every right that istiod's
// informers need. A missing one shows nowhere but in istiod's log. Caches of the API server may lag behind what it has just
// stored, so a refusal is tried again, unless waiting cannot help.
func (t *task) prove(ctx context.Context, r secrets.Request, token secrets.Token) error {
	needs := t.needs()
	last, judged := error(nil), false
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, proofTimeout, true, func(ctx context.Context) (bool, error) {
		last = t.proveOnce(ctx, token, &needs)
		switch {
		case last == nil:
			return true, nil
		case apierrors.IsUnauthorized(last):
			if !judged {
				judged = true
				if reason := t.hopeless(ctx, r, token); reason != "" {
					last = &RefusedTokenError{Cluster: t.To.ID, Reason: reason, Err: last}
					return false, last
				}
			}
			return false, nil
		case isMissingRights(last):
			return false, nil
		}
		return false, last
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

// proveOnce leaves in needs what is still refused.
func (t *task) proveOnce(ctx context.Context, token secrets.Token, needs *[]rbac.Access) error {
	bearer, err := t.identify(ctx, token, token.Ref().ServiceAccountUID)
	if err != nil {
		return err
	}
	lacking, err := rights.Lacking(ctx, bearer, *needs)
	if err != nil {
		return at(t.To.ID, t.whose(), t.want.endpoint, err)
	}
	if *needs = lacking; len(lacking) > 0 {
		return &MissingRightsError{Account: t.want.reader.String(), Missing: asRules(lacking)}
	}
	return nil
}

func isMissingRights(err error) bool {
	var e *MissingRightsError
	return errors.As(err, &e)
}

func isWrongIdentity(err error) bool {
	var e *WrongIdentityError
	return errors.As(err, &e)
}
