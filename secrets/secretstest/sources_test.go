package secretstest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

func TestTokenSourceSuiteCanFail(t *testing.T) {
	mutant := func(token func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error)) func(*testing.T) []suite.Rule {
		return func(t *testing.T) []suite.Rule {
			m, account := cluster(t)
			good := bound(m.Cluster)
			return secretstest.TokenSourceRules(source{
				token:  func(ctx context.Context, r secrets.Request) (secrets.Token, error) { return token(ctx, r, good) },
				revoke: good.Revoke,
			}, account)
		}
	}
	keep := func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
		return good.Token(ctx, r)
	}
	var last atomic.Pointer[secrets.Token]
	var busy sync.Mutex
	suite.Mutants(t, mutant(keep), map[string]func(*testing.T) []suite.Rule{
		"the token speaks for the account": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			token, err := good.Token(ctx, r)
			return secrets.NewToken("not the one that was made", time.Time{}).WithRef(token.Ref()), err
		}),
		"a token that expires says when": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			token, err := good.Token(ctx, r)
			if err != nil {
				return token, err
			}
			return secrets.NewToken(token.Reveal(), time.Time{}).WithRef(token.Ref()), nil // as a vault that stores the value alone
		}),
		"the request stays as it is": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			if r.Labels != nil {
				r.Labels["vault"] = "yes"
			}
			return good.Token(ctx, r)
		}),
		"calls at the same time get a token each": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			if !busy.TryLock() {
				return secrets.Token{}, errors.New("the session is in use")
			}
			defer busy.Unlock()
			time.Sleep(time.Millisecond)
			return good.Token(ctx, r)
		}),
		"an account that does not exist gets an error or a token of its own, and no error shows a token": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			token, err := good.Token(ctx, r)
			if before := last.Load(); err != nil && before != nil {
				return token, fmt.Errorf("%w; the last answer was %s", err, before.Reveal())
			}
			last.Store(&token)
			return token, err
		}),
		"a call with an ended context comes back": mutant(func(ctx context.Context, r secrets.Request, good secrets.TokenSource) (secrets.Token, error) {
			if ctx.Err() != nil {
				time.Sleep(time.Minute)
			}
			return good.Token(ctx, r)
		}),
	})
}

func TestRevokerSuiteCanFail(t *testing.T) {
	// mutant is a source over one cluster; each run of a program has a memory of its own.
	mutant := func(revoke func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, memory map[string]bool) error) func(*testing.T) []suite.Rule {
		return func(t *testing.T) []suite.Rule {
			m, account := cluster(t)
			return secretstest.RevokerRules(func() secrets.TokenSource {
				good, memory := bound(m.Cluster), map[string]bool{}
				return source{
					token: func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
						token, err := good.Token(ctx, r)
						memory[token.Ref().Name] = true
						return token, err
					},
					revoke: func(ctx context.Context, ref secrets.Ref) error { return revoke(ctx, ref, good, memory) },
				}
			}, account)
		}
	}
	keep := func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, _ map[string]bool) error {
		return good.Revoke(ctx, ref)
	}
	gone := map[string]bool{}
	suite.Mutants(t, mutant(keep), map[string]func(*testing.T) []suite.Rule{
		"another run revokes a token by its reference": mutant(func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, memory map[string]bool) error {
			if !memory[ref.Name] {
				return nil // nothing is known of it
			}
			return good.Revoke(ctx, ref)
		}),
		"what is revoked already is no error": mutant(func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, _ map[string]bool) error {
			if gone[ref.UID] {
				return errors.New("404 no such lease")
			}
			err := good.Revoke(ctx, ref)
			gone[ref.UID] = err == nil
			return err
		}),
		"the token of the next generation lives on": func(t *testing.T) []suite.Rule {
			m, account := cluster(t)
			good := bound(m.Cluster)
			made := []secrets.Ref{}
			return secretstest.RevokerRules(func() secrets.TokenSource {
				return source{
					token: func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
						token, err := good.Token(ctx, r)
						made = append(made, token.Ref())
						return token, err
					},
					revoke: func(ctx context.Context, ref secrets.Ref) error {
						var all error
						for _, ref := range made { // all of the account
							all = errors.Join(all, good.Revoke(ctx, ref))
						}
						return all
					},
				}
			}, account)
		},
		"an object of another UID is left alone, with a *ReplacedError": mutant(func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, _ map[string]bool) error {
			err := good.Revoke(ctx, ref)
			if replaced, ok := errors.AsType[*secrets.ReplacedError](err); ok {
				ref.UID = replaced.Got
				return good.Revoke(ctx, ref)
			}
			return err
		}),
		"a reference of another kind answers ErrNotRevocable": mutant(func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, _ map[string]bool) error {
			ref.Kind = secrets.KindBound
			return good.Revoke(ctx, ref)
		}),
		"an ended context is an error": mutant(func(ctx context.Context, ref secrets.Ref, good secrets.Revoker, _ map[string]bool) error {
			if ctx.Err() != nil {
				time.Sleep(time.Minute)
			}
			return good.Revoke(ctx, ref)
		}),
	})
}
