package conformance_test

import (
	"context"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestAsSuiteCanFail(t *testing.T) {
	type as = func(secrets.Endpoint, secrets.Token) (peering.Objects, error)
	mutant := func(change func(m *peeringtest.Member, good as) as) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			m := peeringtest.NewMesh("east").Member("east")
			m.As = change(m, m.As)
			return conformance.AsRules(m.Cluster, "istio-system")
		}
	}
	// caller is a client that keeps the rights of the program.
	caller := mutant(func(m *peeringtest.Member, _ as) as {
		return func(secrets.Endpoint, secrets.Token) (peering.Objects, error) { return m.Server, nil }
	})
	suite.Mutants(t, mutant(func(_ *peeringtest.Member, good as) as { return good }), map[string]func(*testing.T) []suite.Rule{
		"a token speaks for its account, and not for the caller": caller,
		"what the account may not do is Forbidden":               caller,
		"a token that nobody issued is answered 401":             caller,
		"no token is nobody, and never the caller": mutant(func(m *peeringtest.Member, good as) as {
			return func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				if token.IsZero() { // as a rest.Config does that has a client certificate besides
					return m.Server, nil
				}
				return good(e, token)
			}
		}),
		"what the account may do is done": mutant(func(_ *peeringtest.Member, good as) as {
			return func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				objects, err := good(e, token)
				return faulty{Objects: objects, list: func(context.Context, peering.Object, string) ([]peering.Object, error) {
					return nil, apierrors.NewUnauthorized("Unauthorized")
				}}, err
			}
		}),
		"two tokens at once are two bearers": mutant(func(_ *peeringtest.Member, good as) as {
			var last atomic.Pointer[secrets.Token] // of a transport that all share
			return func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				last.Store(&token)
				own, err := good(e, token)
				return faulty{Objects: own, create: func(ctx context.Context, o peering.Object) (peering.Object, error) {
					objects, err := good(e, *last.Load())
					if err != nil {
						return nil, err
					}
					return objects.Create(ctx, o)
				}}, err
			}
		}),
		"an address where nothing listens is an error": mutant(func(m *peeringtest.Member, good as) as {
			return func(_ secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				return good(m.Cluster.Endpoint, token)
			}
		}),
		"a server that the endpoint's CA does not vouch for is an error": mutant(func(_ *peeringtest.Member, good as) as {
			return func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				e.InsecureSkipTLSVerify = true
				return good(e, token)
			}
		}),
		"an ended context is an error": mutant(func(_ *peeringtest.Member, good as) as {
			return func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				objects, err := good(e, token)
				if err != nil {
					return nil, err
				}
				return faulty{Objects: objects, list: func(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
					return objects.List(context.WithoutCancel(ctx), like, selector)
				}}, nil
			}
		}),
	})
}
