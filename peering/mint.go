package peering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/page"
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

// minting is a token of the next generation on its way.
type minting struct {
	request secrets.Request
	source  secrets.TokenSource
	done    chan struct{} // closed when there is a token, or an err
	token   secrets.Token
	err     error
	told    bool // a step has taken it over
}

// startMinting asks for the token, which takes the API server and its token controller a while.
func (t *task) startMinting(ctx context.Context) {
	m := &minting{request: t.request(), done: make(chan struct{})}
	m.source = t.source(t.to, m.request.Namespace)
	t.minting = m
	go func() {
		defer close(m.done)
		m.token, m.err = t.obtain(ctx, m.source, m.request)
	}()
}

// mintAhead begins to mint while the reader gets its rights. Its account is there, which locks the link and which a token
// needs. A source of the caller's may need the rights, too.
func (t *task) mintAhead(ctx context.Context) {
	if t.Tokens == nil && t.Account == nil && t.seen.stale != "" && (t.goal == Present || t.goal == Rotated) && ctx.Err() == nil {
		t.startMinting(ctx)
	}
}

// mintInVain takes over a token that was begun ahead, and that no step will use any more, so that it is undone.
func (t *task) mintInVain(ctx context.Context, ledger *apply.Ledger) {
	if t.minting != nil && !t.minting.told {
		s := t.mint()[0]
		s.do = (*task).minted
		_ = t.perform(context.WithoutCancel(ctx), s, ledger)
	}
}

// minted waits for the token.
func (t *task) minted(ctx context.Context, _ step) (apply.Undo, error) {
	if t.minting == nil {
		t.startMinting(ctx)
	}
	m := t.minting
	<-m.done
	m.told = true
	if m.err != nil {
		return func(ctx context.Context) error { return t.unmade(ctx, m.request) }, m.err
	}
	t.token = m.token
	t.note(m.token.Ref())
	return func(ctx context.Context) error { return t.unmint(ctx, m.source, m.request, m.token, nil) }, nil
}

func (t *task) mintAndProve(ctx context.Context, s step) (apply.Undo, error) {
	undo, err := t.minted(ctx, s)
	if err != nil {
		return undo, err
	}
	m := t.minting
	err = t.prove(ctx, m.request, m.token)
	if m.token.Equal(t.seen.shared.Token) {
		return nil, err // the source gave the one that is in use, which the undo must not end
	}
	return func(ctx context.Context) error { return t.unmint(ctx, m.source, m.request, m.token, err) }, err
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

func isMissingRights(err error) bool {
	var e *MissingRightsError
	return errors.As(err, &e)
}

func isWrongIdentity(err error) bool {
	var e *WrongIdentityError
	return errors.As(err, &e)
}

// hopeless says why To's API server, which has just answered 401 to a token, will not take it later either; "" if it may.
// A token that this call had made in To only needs a moment. Of another one the claims tell what to look for. They prove
// nothing, but the API server has already refused the token.
func (t *task) hopeless(ctx context.Context, r secrets.Request, token secrets.Token) string {
	if t.Tokens == nil {
		return ""
	}
	if made, err := t.made(ctx, r); err != nil || made != nil {
		return ""
	}
	claims, err := token.Claims()
	account, now := t.currentAccount(ctx), time.Now()
	switch {
	case err != nil:
		return "it is not a JSON web token, and the API server does not know it"
	case !claims.Expires.IsZero() && !now.Before(claims.Expires):
		return "it expired at " + page.UTC(claims.Expires)
	case claims.Subject != t.want.reader.user():
		return fmt.Sprintf("it speaks for %s, not for %s", line(claims.Subject), t.want.reader.user())
	case claims.ServiceAccountUID != "" && account != "" && claims.ServiceAccountUID != account:
		return "it speaks for an account of this name in another cluster, or for one that was deleted"
	case len(claims.Audiences) > 0 && claims.Issuer != "" && !slices.Contains(claims.Audiences, claims.Issuer):
		return "its audience is " + line(fmt.Sprint(claims.Audiences)) + ", not an API server"
	case !t.livesBy(ctx, claims, token):
		return fmt.Sprintf("Secret %s/%s, which it needs, is not in %s or belongs to another token", line(claims.Namespace), line(claims.SecretName), t.To.ID)
	case !claims.IssuedAt.IsZero() && now.Sub(claims.IssuedAt) > newToken:
		return "it was issued at " + page.UTC(claims.IssuedAt) + ", long enough ago to be known: it was revoked, or another cluster issued it"
	}
	return ""
}

// newToken is how long a token counts as new, whose API servers may not know it yet. Clocks differ by less.
const newToken = 2 * time.Minute

// currentAccount is the UID of the link's account, which this call may have created; "" if it cannot be told.
func (t *task) currentAccount(ctx context.Context) string {
	like := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: t.want.reader.namespace, Name: t.want.reader.name}}
	if found, err := find(ctx, t.to.objects, like); err == nil && found != nil {
		return string(found.GetUID())
	}
	return ""
}

// livesBy says whether the Secret that a token names is there and holds no other token, or may be.
func (t *task) livesBy(ctx context.Context, claims secrets.Claims, token secrets.Token) bool {
	if claims.SecretName == "" {
		return true
	}
	found, err := find(ctx, t.to.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: claims.Namespace, Name: claims.SecretName}})
	if err != nil {
		return true
	}
	if found == nil || claims.SecretUID != "" && claims.SecretUID != string(found.GetUID()) {
		return false
	}
	stored := found.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]
	return len(stored) == 0 || token.Equal(secrets.NewToken(string(stored), time.Time{}))
}
