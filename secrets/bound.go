package secrets

import (
	"cmp"
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Bound makes tokens that expire: a TokenRequest, bound to an empty marker Secret
// whose deletion revokes the token (Kubernetes pkg/serviceaccount/claims.go). istiod
// never renews a token, so Bound is for programs that come back in time. Renew at
// about four fifths of the granted lifetime. It is a TokenSource, Revoker and Resumer,
// safe for concurrent use.
type Bound struct {
	// Secrets is client-go's SecretInterface of Request.Namespace, in the cluster
	// that will be read. Required.
	Secrets SecretClient
	// Accounts is client-go's ServiceAccountInterface of the same namespace. Required.
	Accounts TokenCreator
	// Lifetime to ask for, in whole seconds from 10 minutes to 2^32 seconds
	// (Kubernetes pkg/apis/authentication/validation). Default 24h, the longest that
	// EKS grants. The API server may shorten it
	// (--service-account-max-token-expiration): Token.Expires tells what was granted
	// and Ref.Warnings that it was less.
	Lifetime time.Duration
}

const (
	minLifetime = 10 * time.Minute
	maxLifetime = (1 << 32) * time.Second
)

// Token creates the marker Secret and asks for a token that is bound to it. The
// creation is the lock: *ExistsError if the Secret is there already. On any
// later failure it deletes the marker, in up to 10 seconds of its own even if ctx
// has ended; *LeftoverError if that fails too. Every other error is a *NoTokenError.
func (b Bound) Token(ctx context.Context, req Request) (Token, error) {
	req, err := b.prepare(req)
	if err != nil {
		return Token{}, err
	}
	marker, err := b.Secrets.Create(ctx, req.object(corev1.SecretTypeOpaque), metav1.CreateOptions{})
	if err != nil {
		return Token{}, req.createFailed(ctx, err)
	}
	token, err := b.request(ctx, req, marker.UID)
	if err != nil {
		return Token{}, undo(ctx, b.Secrets, req.ref(KindBound, marker.UID), err)
	}
	return token, nil
}

// Resume asks for one more token that is bound to existing, a marker that an
// earlier run created. Deleting the marker revokes the tokens of both runs.
func (b Bound) Resume(ctx context.Context, req Request, existing *corev1.Secret) (Token, error) {
	req, err := b.prepare(req)
	if err != nil {
		return Token{}, err
	}
	if err := resumable(req, existing, KindBound); err != nil {
		return Token{}, err
	}
	return b.request(ctx, req, existing.UID)
}

// Revoke deletes the marker Secret that ref names.
func (b Bound) Revoke(ctx context.Context, ref Ref) error {
	return revoke(ctx, b.Secrets, ref, KindBound)
}

func (b Bound) prepare(req Request) (Request, error) {
	switch life := b.lifetime(); {
	case b.Secrets == nil:
		return req, invalid.Field("Bound.Secrets", "", "is nil", "set it to the SecretInterface of the account's namespace")
	case b.Accounts == nil:
		return req, invalid.Field("Bound.Accounts", "", "is nil", "set it to the ServiceAccountInterface of the account's namespace")
	case life < minLifetime || life > maxLifetime || life%time.Second != 0:
		return req, invalid.Field("Bound.Lifetime", life.String(), "is not what an API server grants", fmt.Sprintf("give whole seconds, at least %v", minLifetime))
	}
	return req.complete()
}

func (b Bound) lifetime() time.Duration { return cmp.Or(b.Lifetime, 24*time.Hour) }

func (b Bound) request(ctx context.Context, req Request, marker types.UID) (Token, error) {
	seconds := int64(b.lifetime() / time.Second)
	asked := time.Now()
	// No audiences: the API server's own are what a client of it needs.
	answer, err := b.Accounts.CreateToken(ctx, req.ServiceAccount, &authenticationv1.TokenRequest{
		ObjectMeta: metav1.ObjectMeta{UID: types.UID(req.ServiceAccountUID)},
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &seconds,
			BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: req.Name, UID: marker},
		},
	}, metav1.CreateOptions{})
	switch {
	case err == nil:
		return b.granted(req, marker, answer, asked)
	case ctx.Err() != nil:
		return Token{}, req.noToken(ReasonInterrupted, "try again", context.Cause(ctx))
	case apierrors.IsNotFound(err):
		return Token{}, req.noToken(ReasonRefused, "create the ServiceAccount in "+req.Namespace+" first; if it exists, somebody deleted the marker Secret: try again", err)
	case isDenied(err):
		return Token{}, req.noToken(ReasonRefused, "the caller needs permission to create serviceaccounts/token in namespace "+req.Namespace, err)
	case apierrors.IsConflict(err):
		return Token{}, req.noToken(ReasonRefused, "the account or the marker Secret was recreated: look both up again", err)
	default:
		return Token{}, req.noToken(ReasonRefused, "check that the API server serves TokenRequests", err)
	}
}

// slack is what a granted life may fall short of the asked one without a
// warning: rounding and the way of the request.
const slack = time.Minute

// granted makes the Token of a TokenRequest's answer: what was granted counts,
// not what was asked for.
func (b Bound) granted(req Request, marker types.UID, answer *authenticationv1.TokenRequest, asked time.Time) (Token, error) {
	if answer == nil || answer.Status.Token == "" {
		return Token{}, req.noToken(ReasonEmpty, "find out what answers between here and the API server", nil)
	}
	value := answer.Status.Token
	claims, _ := NewToken(value, time.Time{}).Claims() // an opaque token has none, and that is fine
	if req.ServiceAccountUID != "" && claims.ServiceAccountUID != "" && claims.ServiceAccountUID != req.ServiceAccountUID {
		return Token{}, req.noToken(ReasonWrongAccount, "its UID is "+claims.ServiceAccountUID+", not "+req.ServiceAccountUID+": the account was recreated, look it up again", nil)
	}
	expires := earliest(claims.Expires, answer.Status.ExpirationTimestamp.Time)
	if !claims.IssuedAt.IsZero() {
		asked = claims.IssuedAt // the API server's clock, not ours
	}
	ref := req.ref(KindBound, marker)
	ref.ServiceAccountUID, ref.Issued = claims.ServiceAccountUID, asked.UTC()
	switch life := expires.Sub(asked).Round(time.Second); {
	case expires.IsZero():
		ref.Warnings = append(ref.Warnings, "the API server does not say when the token expires")
	case life < b.lifetime()-slack:
		ref.Warnings = append(ref.Warnings, fmt.Sprintf("asked for a lifetime of %v, granted %v: the API server caps it (--service-account-max-token-expiration)", b.lifetime(), life))
	}
	return NewToken(value, expires).WithRef(ref), nil
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b.UTC()
	}
	return a
}
