package secretstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestTokenSource checks that source gives tokens of the account as package peering needs them: they work, say when they end,
// and show nowhere. A source that is a secrets.Revoker has to revoke what it gave to the suite; of others the objects that stay
// are not looked for. Test such a source with [TestRevoker], too.
func TestTokenSource(t *testing.T, source secrets.TokenSource, a Account) {
	if source == nil {
		t.Fatal("secretstest: TestTokenSource needs a TokenSource")
	}
	if err := a.problem(); err != nil {
		t.Fatal(err)
	}
	suite.Run(t, tokenSourceRules(source, a))
}

// give asks for a token and ends it when the check is over.
func give(ctx context.Context, source secrets.TokenSource, r secrets.Request, check func(secrets.Token) error) error {
	token, err := source.Token(ctx, r)
	if err != nil {
		return fmt.Errorf("no token: %w", err)
	}
	err = check(token)
	if revoker, ok := source.(secrets.Revoker); ok {
		revoked := revoker.Revoke(context.WithoutCancel(ctx), token.Ref())
		if revoked != nil && !errors.Is(revoked, secrets.ErrNotRevocable) {
			err = errors.Join(err, fmt.Errorf("the token of the suite could not be revoked: %w", revoked))
		}
	}
	return err
}

func tokenSourceRules(source secrets.TokenSource, a Account) []suite.Rule {
	return []suite.Rule{
		{Name: "the token speaks for the account", Check: func(ctx context.Context) error {
			return give(ctx, source, a.request(9001), func(token secrets.Token) error {
				if token.IsZero() {
					return errors.New("it is empty")
				}
				return a.accepts(ctx, token)
			})
		}},
		{Name: "a token that expires says when", Check: func(ctx context.Context) error {
			return give(ctx, source, a.request(9002), func(token secrets.Token) error {
				claims, err := token.Claims()
				if err != nil || claims.Expires.IsZero() {
					return nil // it does not expire, or does not say so in a form that is known here
				}
				if said := token.Expires(); said.IsZero() || said.After(claims.Expires.Add(time.Second)) {
					return fmt.Errorf("it ends at %v by its claim exp, Expires is %v: nobody would renew it in time", claims.Expires, said)
				}
				return nil
			})
		}},
		{Name: "the request stays as it is", Check: func(ctx context.Context) error {
			request := a.request(9003)
			request.Labels, request.Annotations = map[string]string{"secretstest": "source"}, map[string]string{"secretstest": "source"}
			before := request
			before.Labels, before.Annotations = maps.Clone(request.Labels), maps.Clone(request.Annotations)
			return give(ctx, source, request, func(secrets.Token) error {
				if !reflect.DeepEqual(before, request) {
					return errors.New("its maps were changed: work on copies")
				}
				return nil
			})
		}},
		{Name: "calls at the same time get a token each", Check: func(ctx context.Context) error {
			failures := make(chan error)
			const calls = 4
			for i := range calls {
				go func() {
					failures <- give(ctx, source, a.request(9004+i), func(token secrets.Token) error { return a.accepts(ctx, token) })
				}()
			}
			var all []error
			for range calls {
				all = append(all, <-failures)
			}
			return errors.Join(all...)
		}},
		{Name: "an account that does not exist gets an error or a token of its own, and no error shows a token", Check: func(ctx context.Context) error {
			return give(ctx, source, a.request(9008), func(good secrets.Token) error {
				request := a.request(9009)
				request.ServiceAccount, request.ServiceAccountUID = "secretstest-no-such-account", ""
				token, err := source.Token(ctx, request)
				switch {
				case err == nil && token.IsZero():
					return errors.New("there is neither a token nor an error")
				case err == nil:
					return nil // whose it is, peering proves
				case !token.IsZero():
					return errors.New("there is both a token and an error: nobody will revoke it")
				}
				for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
					if strings.Contains(text, good.Reveal()) {
						return errors.New("the error holds the token that it gave before")
					}
				}
				return nil
			})
		}},
		{Name: "a call with an ended context comes back", Check: func(ctx context.Context) error {
			return suite.Promptly(func() error {
				token, err := source.Token(suite.Ended(ctx), a.request(9010))
				switch {
				case err == nil && token.IsZero():
					return errors.New("there is neither a token nor an error")
				case err != nil && !token.IsZero():
					return errors.New("there is both a token and an error: nobody will revoke it")
				}
				return nil
			})
		}},
	}
}
