package secretstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestTokenCreator checks that accounts answers TokenRequests of a's namespace as secrets.Bound needs it. client is for the
// Secrets of that namespace, to which tokens are bound; those that the suite makes have names that begin with secretstest.
func TestTokenCreator(t *testing.T, accounts secrets.TokenCreator, client secrets.SecretClient, a Account) {
	if accounts == nil || client == nil {
		t.Fatal("secretstest: TestTokenCreator needs a TokenCreator and a SecretClient")
	}
	if err := a.problem(); err != nil {
		t.Fatal(err)
	}
	suite.Run(t, tokenCreatorRules(accounts, client, a))
}

// creator asks for tokens that are bound to a marker.
type creator struct {
	accounts secrets.TokenCreator
	client   secrets.SecretClient
	of       Account
}

// ask is a request for a token of an hour that is bound to a Secret, as change has it.
func (c creator) ask(ctx context.Context, marker *corev1.Secret, change func(*authenticationv1.TokenRequest)) (*authenticationv1.TokenRequest, error) {
	seconds := int64(3600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: marker.Name, UID: marker.UID},
	}}
	request.UID = types.UID(c.of.Request.ServiceAccountUID)
	if change != nil {
		change(request)
	}
	answer, err := c.accounts.CreateToken(ctx, c.of.Request.ServiceAccount, request, metav1.CreateOptions{})
	if err == nil && (answer == nil || answer.Status.Token == "") {
		err = errors.New("the answer has no token")
	}
	return answer, err
}

func (c creator) with(name string, check func(ctx context.Context, marker *corev1.Secret) error) suite.Rule {
	return suite.Rule{Name: name, Check: func(ctx context.Context) error {
		made := &corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Namespace: c.of.namespace(), Name: "secretstest-marker"}, Type: corev1.SecretTypeOpaque,
		}
		marker, err := c.client.Create(ctx, made, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("a Secret to bind tokens to: %w", err)
		}
		defer func() { _ = c.client.Delete(context.WithoutCancel(ctx), marker.Name, metav1.DeleteOptions{}) }()
		return check(ctx, marker)
	}}
}

func tokenOf(r *authenticationv1.TokenRequest) secrets.Token {
	return secrets.NewToken(r.Status.Token, r.Status.ExpirationTimestamp.Time)
}

func tokenCreatorRules(accounts secrets.TokenCreator, client secrets.SecretClient, a Account) []suite.Rule {
	c := creator{accounts, client, a}
	refused := func(name, what string, is func(error) bool, change func(*authenticationv1.TokenRequest)) suite.Rule {
		return c.with(name, func(ctx context.Context, marker *corev1.Secret) error {
			_, err := c.ask(ctx, marker, change)
			return suite.Answer(what, is, err)
		})
	}
	return []suite.Rule{
		c.with("a token speaks for the account", func(ctx context.Context, marker *corev1.Secret) error {
			answer, err := c.ask(ctx, marker, nil)
			if err != nil {
				return err
			}
			return a.accepts(ctx, tokenOf(answer))
		}),
		c.with("a token ends with the Secret that it is bound to", func(ctx context.Context, marker *corev1.Secret) error {
			answer, err := c.ask(ctx, marker, nil)
			if err != nil {
				return err
			}
			if err := a.accepts(ctx, tokenOf(answer)); err != nil {
				return fmt.Errorf("before it is deleted: %w", err)
			}
			if err := client.Delete(ctx, marker.Name, metav1.DeleteOptions{}); err != nil {
				return err
			}
			return a.refuses(ctx, tokenOf(answer))
		}),
		c.with("the answer says when the token expires, not later than asked for", func(ctx context.Context, marker *corev1.Secret) error {
			answer, err := c.ask(ctx, marker, nil)
			if err != nil {
				return err
			}
			expires := answer.Status.ExpirationTimestamp.Time
			claims, err := tokenOf(answer).Claims()
			switch {
			case expires.IsZero():
				return errors.New("it does not")
			case err != nil || claims.IssuedAt.IsZero():
				return nil // an opaque token says nothing, and clocks differ
			case expires.Sub(claims.IssuedAt) > time.Hour+time.Minute:
				return fmt.Errorf("an hour was asked for, %v is answered", expires.Sub(claims.IssuedAt))
			case claims.Expires.Before(expires.Add(-time.Minute)):
				return fmt.Errorf("the token itself says %v, the answer %v", claims.Expires, expires.UTC())
			}
			return nil
		}),
		c.with("each request gets a token of its own", func(ctx context.Context, marker *corev1.Secret) error {
			first, err := c.ask(ctx, marker, nil)
			if err != nil {
				return err
			}
			second, err := c.ask(ctx, marker, nil)
			if err == nil && tokenOf(first).Equal(tokenOf(second)) {
				err = errors.New("two requests get the same token")
			}
			return err
		}),
		c.with("the request stays as it is", func(ctx context.Context, marker *corev1.Secret) error {
			var given, before *authenticationv1.TokenRequest
			_, err := c.ask(ctx, marker, func(r *authenticationv1.TokenRequest) { given, before = r, r.DeepCopy() })
			if err == nil && !reflect.DeepEqual(given, before) {
				err = errors.New("it was changed: work on a copy")
			}
			return err
		}),
		c.with("an account that does not exist is NotFound", func(ctx context.Context, marker *corev1.Secret) error {
			other := c
			other.of.Request.ServiceAccount, other.of.Request.ServiceAccountUID = "secretstest-no-such-account", ""
			_, err := other.ask(ctx, marker, nil)
			return suite.Answer("NotFound", apierrors.IsNotFound, err)
		}),
		refused("an account of another UID is a Conflict", "Conflict", apierrors.IsConflict, func(r *authenticationv1.TokenRequest) { r.UID = otherUID }),
		refused("a Secret that does not exist is NotFound", "NotFound", apierrors.IsNotFound, func(r *authenticationv1.TokenRequest) {
			r.Spec.BoundObjectRef.Name = "secretstest-no-such-marker"
		}),
		refused("a Secret of another UID is a Conflict", "Conflict", apierrors.IsConflict, func(r *authenticationv1.TokenRequest) {
			r.Spec.BoundObjectRef.UID = otherUID
		}),
		refused("a life below ten minutes is Invalid", "Invalid", apierrors.IsInvalid, func(r *authenticationv1.TokenRequest) {
			*r.Spec.ExpirationSeconds = 60
		}),
		c.with("an ended context is an error", func(ctx context.Context, marker *corev1.Secret) error {
			return suite.Ends(func() error {
				_, err := c.ask(suite.Ended(ctx), marker, nil)
				return err
			})
		}),
	}
}
