package secretstest

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// Account is a ServiceAccount that exists, for suites to ask for tokens of.
type Account struct {
	// Request names the account; Namespace, ServiceAccount and ServiceAccountUID are used. Suites ask for generations from
	// 9001 on, which must be free.
	Request secrets.Request
	// Authenticate uses a token at the API server and returns its user name, as a SelfSubjectReview says it. The error of a
	// token that is refused is one of apierrors.IsUnauthorized. Required.
	Authenticate func(context.Context, secrets.Token) (user string, err error)
}

// lag is how long an API server may take to know a token, or that it is revoked: its authenticator reads from caches, and
// remembers a token that was good for 10 s (Kubernetes pkg/kubeapiserver/options/authentication.go, TokenSuccessCacheTTL).
const lag = 30 * time.Second

func (a Account) problem() error {
	switch {
	case a.Request.ServiceAccount == "":
		return fmt.Errorf("secretstest: Account.Request.ServiceAccount is empty: name an account that exists")
	case a.Authenticate == nil:
		return fmt.Errorf("secretstest: Account.Authenticate is nil: without it nothing tells a token that works from one that does not")
	}
	return nil
}

func (a Account) namespace() string { return cmp.Or(a.Request.Namespace, "istio-system") }

func (a Account) user() string {
	return "system:serviceaccount:" + a.namespace() + ":" + a.Request.ServiceAccount
}

// request is for a token of a generation.
func (a Account) request(generation int) secrets.Request {
	return secrets.Request{
		Reader: "secretstest", Namespace: a.Request.Namespace,
		ServiceAccount: a.Request.ServiceAccount, ServiceAccountUID: a.Request.ServiceAccountUID, Generation: generation,
	}
}

// accepts waits until the API server takes the token as the account's.
func (a Account) accepts(ctx context.Context, token secrets.Token) error {
	return suite.Await(ctx, lag, func() error {
		user, err := a.Authenticate(ctx, token)
		if err == nil && user != a.user() {
			err = fmt.Errorf("the token speaks for %s, not for %s", user, a.user())
		}
		return err
	})
}

// refuses waits until the API server refuses the token.
func (a Account) refuses(ctx context.Context, token secrets.Token) error {
	return suite.Await(ctx, lag, func() error {
		_, err := a.Authenticate(ctx, token)
		return suite.Answer("401 Unauthorized", apierrors.IsUnauthorized, err)
	})
}
