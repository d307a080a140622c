package secretstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestRevoker checks that a source ends the tokens which it made, and no others. fresh makes the source as another run of the
// program does: what one made, the next one has to revoke by the reference alone, which package peering keeps as JSON.
func TestRevoker(t *testing.T, fresh func() secrets.TokenSource, a Account) {
	if fresh == nil {
		t.Fatal("secretstest: TestRevoker needs a maker of sources")
	}
	if err := a.problem(); err != nil {
		t.Fatal(err)
	}
	if _, ok := fresh().(secrets.Revoker); !ok {
		t.Fatalf("secretstest: %T is no secrets.Revoker", fresh())
	}
	suite.Run(t, revokerRules(fresh, a))
}

// stored is what is left of a reference between two runs.
func stored(ref secrets.Ref) (out secrets.Ref, err error) {
	data, err := json.Marshal(ref)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

func revokerRules(fresh func() secrets.TokenSource, a Account) []suite.Rule {
	revoke := func(ctx context.Context, ref secrets.Ref) error {
		ref, err := stored(ref)
		if err != nil {
			return err
		}
		return fresh().(secrets.Revoker).Revoke(ctx, ref)
	}
	// with checks on a token that works.
	with := func(name string, generation int, check func(context.Context, secrets.Token) error) suite.Rule {
		return suite.Rule{Name: name, Check: func(ctx context.Context) error {
			token, err := fresh().Token(ctx, a.request(generation))
			if err != nil {
				return fmt.Errorf("no token: %w", err)
			}
			defer func() { _ = fresh().(secrets.Revoker).Revoke(context.WithoutCancel(ctx), token.Ref()) }()
			if err := a.accepts(ctx, token); err != nil {
				return err
			}
			return check(ctx, token)
		}}
	}
	// lives fails unless the token is still good after the attempt to revoke something else.
	lives := func(ctx context.Context, token secrets.Token) error {
		if err := a.accepts(ctx, token); err != nil {
			return fmt.Errorf("the token of another reference has ended: %w", err)
		}
		return nil
	}
	return []suite.Rule{
		with("another run revokes a token by its reference", 9011, func(ctx context.Context, token secrets.Token) error {
			if err := revoke(ctx, token.Ref()); err != nil {
				return err
			}
			return a.refuses(ctx, token)
		}),
		with("what is revoked already is no error", 9012, func(ctx context.Context, token secrets.Token) error {
			if err := revoke(ctx, token.Ref()); err != nil {
				return fmt.Errorf("the first time: %w", err)
			}
			return revoke(ctx, token.Ref())
		}),
		with("the token of the next generation lives on", 9013, func(ctx context.Context, token secrets.Token) error {
			return give(ctx, fresh(), a.request(9014), func(next secrets.Token) error {
				if err := a.accepts(ctx, next); err != nil {
					return err
				}
				if err := revoke(ctx, token.Ref()); err != nil {
					return err
				}
				if err := a.refuses(ctx, token); err != nil { // so that no cache hides what follows
					return err
				}
				return lives(ctx, next)
			})
		}),
		with("an object of another UID is left alone, with a *ReplacedError", 9015, func(ctx context.Context, token secrets.Token) error {
			other := token.Ref()
			if other.UID == "" {
				return nil // no object stands for it
			}
			other.UID = string(otherUID)
			if _, ok := errors.AsType[*secrets.ReplacedError](revoke(ctx, other)); !ok {
				return fmt.Errorf("it answers %v", revoke(ctx, other))
			}
			return lives(ctx, token)
		}),
		with("a reference of another kind answers ErrNotRevocable", 9016, func(ctx context.Context, token secrets.Token) error {
			other := token.Ref()
			other.Kind = "secretstest"
			if err := revoke(ctx, other); !errors.Is(err, secrets.ErrNotRevocable) {
				return fmt.Errorf("it answers %v", err)
			}
			return lives(ctx, token)
		}),
		with("an ended context is an error", 9017, func(ctx context.Context, token secrets.Token) error {
			return suite.Ends(func() error {
				return revoke(suite.Ended(ctx), token.Ref())
			})
		}),
	}
}
