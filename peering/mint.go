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

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// proofTimeout bounds the wait until an API server accepts what it has just stored: its authenticator and its authorizer
// read from caches.
const proofTimeout = 10 * time.Second

// mint makes a token of the next generation and proves it before anybody gets it. A good one is kept.
func (w *work) mint() []step {
	s := step{Step: Step{Change: Change{Stage: StageMint, On: w.To.ID, Object: "Token/" + w.live.ref.Namespace + "/" + w.live.ref.Name, Action: Unchanged}}}
	if w.live.stale == "" {
		w.note(w.live.ref)
		return []step{s}
	}
	next := w.live.ref.Generation
	for _, t := range w.live.tokens {
		next = max(next, generation(t))
	}
	next++
	request := secrets.Request{
		Reader:    w.From.ID.String(),
		Namespace: w.want.reader.namespace, ServiceAccount: w.want.reader.name, ServiceAccountUID: w.live.accountUID,
		Generation:  next,
		Name:        fmt.Sprintf("%s-%d", w.reader(), next),
		Labels:      generationLabels(w.Link, next),
		Annotations: map[string]string{AnnotationRun: w.nonce},
	}
	s.Object, s.Action, s.Reason = "Token/"+request.Namespace+"/"+request.Name, Created, w.live.stale
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		source := w.source(w.To, request.Namespace)
		token, err := w.obtain(ctx, source, request)
		if err != nil {
			return nil, errors.Join(err, w.removeOurs(ctx, request))
		}
		w.token = token
		w.note(token.Ref())
		err = w.prove(ctx, request, token)
		undo := func(ctx context.Context) error { return w.unmint(ctx, source, request, token, err) }
		return undo, err
	}
	return []step{s}
}

// obtain asks the source. What a source of the caller's answers is told from what To answers.
func (w *work) obtain(ctx context.Context, source secrets.TokenSource, r secrets.Request) (secrets.Token, error) {
	if source == nil {
		return secrets.Token{}, &RefusedTokenError{Cluster: w.To.ID, Reason: "there is no source for this cluster: Peering.Tokens returned nil"}
	}
	token, err := source.Token(ctx, r)
	if err != nil && w.Tokens != nil {
		err = &sourceError{err}
	}
	if err == nil && token.IsZero() {
		err = &RefusedTokenError{Cluster: w.To.ID, Reason: "the source gave an empty token"}
	}
	return token, err
}

// sourceError is what a source of the caller's answered: no word of To's API server.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "Peering.Tokens: " + oneLine(e.err) }

func (e *sourceError) Unwrap() error { return e.err }

// errNothingLeft says that there is nothing to undo, and nothing left behind either.
var errNothingLeft = errors.New("nothing to undo")

// unmint revokes a new token. proof is what came of its proof. A source that cannot revoke leaves nothing behind if the
// call made no object for it: the token was there before, or To refuses it.
func (w *work) unmint(ctx context.Context, source secrets.TokenSource, r secrets.Request, token secrets.Token, proof error) error {
	err := revoke(ctx, source, token.Ref())
	if !errors.Is(err, secrets.ErrNotRevocable) {
		return err
	}
	made, err := w.made(ctx, r)
	switch {
	case err != nil:
		return err
	case made != nil:
		return remove(ctx, w.to.Objects, made)
	}
	if token.Ref().Kind != secrets.KindStatic && !apierrors.IsUnauthorized(proof) {
		w.warn(fmt.Sprintf("the token with fingerprint %s stays valid: Peering.Tokens gave it, and its source cannot revoke", token.Ref().Fingerprint))
	}
	return errNothingLeft
}

// removeOurs deletes a token object whose creation was answered with an error but took place.
func (w *work) removeOurs(ctx context.Context, r secrets.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	found, err := w.made(ctx, r)
	if err != nil || found == nil {
		return err
	}
	return remove(ctx, w.to.Objects, found)
}

// made is the token object that this call created, told by its nonce; nil if there is none.
func (w *work) made(ctx context.Context, r secrets.Request) (Object, error) {
	found, err := find(ctx, w.to.Objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name}})
	if err != nil || found == nil || found.GetAnnotations()[AnnotationRun] != w.nonce {
		return nil, err
	}
	return found, nil
}

// prove uses the token as istiod will: it must be accepted, as the account of the link, with every right that istiod's
// informers need. A missing one shows nowhere but in istiod's log. Caches of the API server may lag behind what it has just
// stored, so a refusal is tried again, unless waiting cannot help.
func (w *work) prove(ctx context.Context, r secrets.Request, token secrets.Token) error {
	needs := w.needs()
	last, judged := error(nil), false
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, proofTimeout, true, func(ctx context.Context) (bool, error) {
		last = w.proveOnce(ctx, token, &needs)
		switch {
		case last == nil:
			return true, nil
		case apierrors.IsUnauthorized(last):
			if !judged {
				judged = true
				if reason := w.hopeless(ctx, r, token); reason != "" {
					last = &RefusedTokenError{Cluster: w.To.ID, Reason: reason, Err: last}
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
func (w *work) proveOnce(ctx context.Context, token secrets.Token, needs *[]rbac.Access) error {
	bearer, err := w.identify(ctx, token, token.Ref().ServiceAccountUID)
	if err != nil {
		return err
	}
	lacking, err := denied(ctx, bearer, "", nil, *needs)
	if err != nil {
		return at(w.To.ID, w.whose(), w.endpoint, err)
	}
	if *needs = lacking; len(lacking) > 0 {
		return &MissingRightsError{Account: w.want.reader.String(), Missing: asRules(lacking)}
	}
	return nil
}

// note puts the credential in use into the report.
func (w *work) note(ref secrets.Ref) {
	w.report.Credential = &ref
	w.report.RenewAt = renewAt(ref)
	for _, text := range ref.Warnings {
		w.warn(text)
	}
}

func isMissingRights(err error) bool {
	var e *MissingRightsError
	return errors.As(err, &e)
}

func isWrongIdentity(err error) bool {
	var e *WrongIdentityError
	return errors.As(err, &e)
}
