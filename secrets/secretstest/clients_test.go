package secretstest_test

import (
	"context"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

func TestSecretClientSuiteCanFail(t *testing.T) {
	mutant := func(breakIt func(good secrets.SecretClient, c *client)) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			c := client{SecretClient: peeringtest.NewMesh("east").Member("east").Secrets(system)}
			breakIt(c.SecretClient, &c)
			return secretstest.SecretClientRules(c, system)
		}
	}
	suite.Mutants(t, mutant(func(secrets.SecretClient, *client) {}), map[string]func(*testing.T) []suite.Rule{
		"Create answers what is stored, with its UID": mutant(func(good secrets.SecretClient, c *client) {
			c.create = func(ctx context.Context, s *corev1.Secret) (*corev1.Secret, error) {
				if _, err := good.Create(ctx, s, metav1.CreateOptions{}); err != nil {
					return nil, err
				}
				return s.DeepCopy(), nil
			}
		}),
		"Create is a lock: the second one answers AlreadyExists": mutant(func(good secrets.SecretClient, c *client) {
			c.create = func(ctx context.Context, s *corev1.Secret) (*corev1.Secret, error) {
				out, err := good.Create(ctx, s, metav1.CreateOptions{})
				if apierrors.IsAlreadyExists(err) { // as an apply does
					return good.Get(ctx, s.Name, metav1.GetOptions{})
				}
				return out, err
			}
		}),
		"Create leaves what it is given as it is": mutant(func(good secrets.SecretClient, c *client) {
			c.create = func(ctx context.Context, s *corev1.Secret) (*corev1.Secret, error) {
				out, err := good.Create(ctx, s, metav1.CreateOptions{})
				if err == nil {
					out.DeepCopyInto(s)
				}
				return out, err
			}
		}),
		"Get answers what was created, as a copy": mutant(func(good secrets.SecretClient, c *client) {
			cache := map[string]*corev1.Secret{} // as an informer has
			c.get = func(ctx context.Context, name string) (*corev1.Secret, error) {
				if cache[name] == nil {
					got, err := good.Get(ctx, name, metav1.GetOptions{})
					if err != nil {
						return nil, err
					}
					cache[name] = got
				}
				return cache[name], nil
			}
		}),
		"Get of a name that nothing has answers NotFound": mutant(func(good secrets.SecretClient, c *client) {
			c.get = func(ctx context.Context, name string) (*corev1.Secret, error) {
				got, err := good.Get(ctx, name, metav1.GetOptions{})
				if apierrors.IsNotFound(err) {
					return nil, nil
				}
				return got, err
			}
		}),
		"Delete with another UID answers Conflict, and deletes nothing": mutant(func(good secrets.SecretClient, c *client) {
			c.delete = func(ctx context.Context, name string, _ metav1.DeleteOptions) error {
				return good.Delete(ctx, name, metav1.DeleteOptions{})
			}
		}),
		"Delete with the UID deletes, and the next one answers NotFound": mutant(func(good secrets.SecretClient, c *client) {
			c.delete = func(ctx context.Context, name string, o metav1.DeleteOptions) error {
				if err := good.Delete(ctx, name, o); !apierrors.IsNotFound(err) {
					return err
				}
				return nil
			}
		}),
		"Create with an ended context is an error, and stores nothing": mutant(func(good secrets.SecretClient, c *client) {
			c.create = func(ctx context.Context, s *corev1.Secret) (*corev1.Secret, error) {
				out, err := good.Create(context.WithoutCancel(ctx), s, metav1.CreateOptions{})
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				return out, err
			}
		}),
	})
}

func TestTokenCreatorSuiteCanFail(t *testing.T) {
	type ask = creator
	mutant := func(change func(m *peeringtest.Member, good ask) ask) func(*testing.T) []suite.Rule {
		return func(t *testing.T) []suite.Rule {
			m, account := cluster(t)
			good := func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return m.Accounts(system).CreateToken(ctx, name, r, metav1.CreateOptions{})
			}
			return secretstest.TokenCreatorRules(change(m, good), m.Secrets(system), account)
		}
	}
	// asks changes what is asked.
	asks := func(change func(r *authenticationv1.TokenRequest)) func(*testing.T) []suite.Rule {
		return mutant(func(_ *peeringtest.Member, good ask) ask {
			return func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				r = r.DeepCopy()
				change(r)
				return good(ctx, name, r)
			}
		})
	}
	unbound := asks(func(r *authenticationv1.TokenRequest) { r.Spec.BoundObjectRef = nil })
	suite.Mutants(t, asks(func(*authenticationv1.TokenRequest) {}), map[string]func(*testing.T) []suite.Rule{
		"a token speaks for the account": mutant(func(m *peeringtest.Member, good ask) ask {
			return func(ctx context.Context, _ string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				_, _ = m.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "other"}})
				r = r.DeepCopy()
				r.UID = ""
				return good(ctx, "other", r)
			}
		}),
		"a token ends with the Secret that it is bound to": unbound,
		"a Secret that does not exist is NotFound":         unbound,
		"a Secret of another UID is a Conflict":            asks(func(r *authenticationv1.TokenRequest) { r.Spec.BoundObjectRef.UID = "" }),
		"the answer says when the token expires, not later than asked for": asks(func(r *authenticationv1.TokenRequest) {
			*r.Spec.ExpirationSeconds *= 24
		}),
		"a life below ten minutes is Invalid": asks(func(r *authenticationv1.TokenRequest) {
			*r.Spec.ExpirationSeconds = max(600, *r.Spec.ExpirationSeconds)
		}),
		"an account of another UID is a Conflict": asks(func(r *authenticationv1.TokenRequest) { r.UID = "" }),
		"each request gets a token of its own": mutant(func(_ *peeringtest.Member, good ask) ask {
			var last *authenticationv1.TokenRequest // a cache by account
			return func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				if last != nil {
					return last, nil
				}
				out, err := good(ctx, name, r)
				if err == nil {
					last = out
				}
				return out, err
			}
		}),
		"the request stays as it is": mutant(func(_ *peeringtest.Member, good ask) ask {
			return func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				out, err := good(ctx, name, r)
				if err == nil {
					out.DeepCopyInto(r)
				}
				return out, err
			}
		}),
		"an account that does not exist is NotFound": mutant(func(_ *peeringtest.Member, good ask) ask {
			return func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				out, err := good(ctx, name, r)
				if apierrors.IsNotFound(err) {
					return &authenticationv1.TokenRequest{}, nil
				}
				return out, err
			}
		}),
		"an ended context is an error": mutant(func(_ *peeringtest.Member, good ask) ask {
			return func(ctx context.Context, name string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				if ctx.Err() != nil {
					time.Sleep(time.Minute)
				}
				return good(ctx, name, r)
			}
		}),
	})
}
