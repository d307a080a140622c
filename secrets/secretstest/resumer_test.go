package secretstest_test

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

// resuming is a source with a Resume of its own.
type resuming struct {
	secrets.Bound
	resume func(context.Context, secrets.Bound, secrets.Request, *corev1.Secret) (secrets.Token, error)
}

func (r resuming) Resume(ctx context.Context, req secrets.Request, existing *corev1.Secret) (secrets.Token, error) {
	return r.resume(ctx, r.Bound, req, existing)
}

func TestResumerSuiteCanFail(t *testing.T) {
	mutant := func(resume func(context.Context, secrets.Bound, secrets.Request, *corev1.Secret) (secrets.Token, error)) func(*testing.T) []suite.Rule {
		return func(t *testing.T) []suite.Rule {
			m, account := cluster(t)
			return secretstest.ResumerRules(resuming{bound(m.Cluster), resume}, m.Secrets(system), account)
		}
	}
	keep := func(ctx context.Context, good secrets.Bound, r secrets.Request, existing *corev1.Secret) (secrets.Token, error) {
		return good.Resume(ctx, r, existing)
	}
	// repairs is one that makes an object right in place of refusing it.
	repairs := mutant(func(ctx context.Context, good secrets.Bound, r secrets.Request, existing *corev1.Secret) (secrets.Token, error) {
		if existing == nil {
			return good.Resume(ctx, r, existing)
		}
		existing = existing.DeepCopy()
		existing.Name, existing.Type, existing.Data, existing.DeletionTimestamp = r.ObjectName(), corev1.SecretTypeOpaque, nil, nil
		return good.Resume(ctx, r, existing)
	})
	suite.Mutants(t, mutant(keep), map[string]func(*testing.T) []suite.Rule{
		"what another run left gives a token, and is what revokes it": mutant(func(ctx context.Context, good secrets.Bound, r secrets.Request, existing *corev1.Secret) (secrets.Token, error) {
			token, err := good.Resume(ctx, r, existing)
			return secrets.NewToken(token.Reveal(), token.Expires()), err // nobody knows what revokes it
		}),
		"an object of another kind answers ErrNotResumable, and stays": repairs,
		"an object of another name answers ErrNotResumable":            repairs,
		"an object that is being deleted answers ErrNotResumable":      repairs,
		"no object answers ErrNotResumable": mutant(func(ctx context.Context, good secrets.Bound, r secrets.Request, existing *corev1.Secret) (secrets.Token, error) {
			if existing == nil {
				return secrets.Token{}, errors.New("there is nothing to resume from")
			}
			return good.Resume(ctx, r, existing)
		}),
	})
}
