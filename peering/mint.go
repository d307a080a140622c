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
		token, err := source.Token(ctx, request)
		if err != nil {
			return nil, errors.Join(err, w.removeOurs(ctx, request))
		}
		w.token = token
		w.note(token.Ref())
		undo := func(ctx context.Context) error { return revoke(ctx, source, token.Ref()) }
		return undo, w.prove(ctx, token)
	}
	return []step{s}
}

// removeOurs deletes a token object whose creation was answered with an error but took place: it carries our nonce.
func (w *work) removeOurs(ctx context.Context, r secrets.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	like := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name}}
	found, err := find(ctx, w.to.Objects, like)
	if err != nil || found == nil || found.GetAnnotations()[AnnotationRun] != w.nonce {
		return err
	}
	return remove(ctx, w.to.Objects, found)
}

// prove uses the token as istiod will: it must be accepted, as the account of the link, with every right that istiod's
// informers need. A missing one never shows in istiod but for its log.
func (w *work) prove(ctx context.Context, token secrets.Token) error {
	needs := w.needs()
	last := error(nil)
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, proofTimeout, true, func(ctx context.Context) (bool, error) {
		last = w.proveOnce(ctx, token, &needs)
		if last == nil || apierrors.IsUnauthorized(last) || isMissingRights(last) {
			return last == nil, nil // may be a cache that lags
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
		return err
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
