package conformance_test

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
)

func TestObjectsSuiteCanFail(t *testing.T) {
	// mutant is a server whose objects are broken in one place.
	mutant := func(breakIt func(s *peeringtest.Server, f *faulty)) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			s := peeringtest.NewMesh("east").Member("east").Server
			f := faulty{Objects: s}
			breakIt(s, &f)
			return conformance.ObjectRules(f, conformance.Samples("istio-system")[0])
		}
	}
	// blind is what o asks for, without its UID and resourceVersion.
	blind := func(o peering.Object, uid, version bool) peering.Object {
		o = clone(o)
		if uid {
			o.SetUID("")
		}
		if version {
			o.SetResourceVersion("")
		}
		return o
	}
	mutants := map[string]func(*testing.T) []suite.Rule{
		"Create returns the UID and resourceVersion": mutant(func(s *peeringtest.Server, f *faulty) {
			f.create = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				if _, err := s.Create(ctx, o); err != nil {
					return nil, err
				}
				return clone(o), nil
			}
		}),
		"Create is a lock: the second one answers AlreadyExists": mutant(func(s *peeringtest.Server, f *faulty) {
			f.create = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				out, err := s.Create(ctx, o)
				if apierrors.IsAlreadyExists(err) {
					return s.Get(ctx, o)
				}
				return out, err
			}
		}),
		"Get returns what was created, as a copy": mutant(func(s *peeringtest.Server, f *faulty) {
			cache := map[string]peering.Object{}
			f.get = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				if cache[o.GetName()] != nil {
					return cache[o.GetName()], nil
				}
				got, err := s.Get(ctx, o)
				if err == nil {
					cache[o.GetName()] = got
				}
				return got, err
			}
		}),
		"Get of an unstructured object returns one, with every field": mutant(func(s *peeringtest.Server, f *faulty) {
			f.get = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				got, err := s.Get(ctx, o)
				if loose, ok := got.(*unstructured.Unstructured); ok {
					loose.Object = map[string]any{"metadata": loose.Object["metadata"]}
				}
				return got, err
			}
		}),
		"Get of a name that nothing has answers NotFound": mutant(func(s *peeringtest.Server, f *faulty) {
			f.get = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				got, err := s.Get(ctx, o)
				if apierrors.IsNotFound(err) {
					return nil, nil
				}
				return got, err
			}
		}),
		"List selects by label": mutant(func(s *peeringtest.Server, f *faulty) {
			f.list = func(ctx context.Context, like peering.Object, _ string) ([]peering.Object, error) {
				return s.List(ctx, like, "")
			}
		}),
		"List returns objects of the type that it was asked for": mutant(func(s *peeringtest.Server, f *faulty) {
			f.list = func(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
				loose := &unstructured.Unstructured{}
				loose.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: kube.Kind(like)})
				loose.SetNamespace(like.GetNamespace())
				return s.List(ctx, loose, selector)
			}
		}),
		"what is given to a call stays as it is": mutant(func(s *peeringtest.Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				out, err := s.Update(ctx, o)
				if err == nil {
					o.SetResourceVersion(out.GetResourceVersion())
				}
				return out, err
			}
		}),
		"an ended context is an error, and nothing is done": mutant(func(s *peeringtest.Server, f *faulty) {
			f.create = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				out, err := s.Create(context.WithoutCancel(ctx), o)
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				return out, err
			}
		}),
		"Update stores what it is given, and returns another resourceVersion": mutant(func(s *peeringtest.Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				o = clone(o)
				o.SetAnnotations(nil)
				return s.Update(ctx, o)
			}
		}),
		"Update of a resourceVersion that is past answers Conflict, and writes nothing": mutant(func(s *peeringtest.Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				return s.Update(ctx, blind(o, false, true))
			}
		}),
		"Update of what is not there answers NotFound": mutant(func(s *peeringtest.Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				out, err := s.Update(ctx, o)
				if apierrors.IsNotFound(err) {
					return s.Create(ctx, blind(o, true, true)) // as an apply does
				}
				return out, err
			}
		}),
		"Delete leaves an object of another UID alone, with a Conflict": mutant(func(s *peeringtest.Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error { return s.Delete(ctx, blind(o, true, false)) }
		}),
		"Delete leaves an object of another resourceVersion alone, with a Conflict": mutant(func(s *peeringtest.Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error { return s.Delete(ctx, blind(o, false, true)) }
		}),
		"Delete removes, and the next one answers NotFound": mutant(func(s *peeringtest.Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error {
				if err := s.Delete(ctx, o); !apierrors.IsNotFound(err) {
					return err
				}
				return nil // as kubectl delete --ignore-not-found does
			}
		}),
	}
	suite.Mutants(t, mutant(func(*peeringtest.Server, *faulty) {}), mutants)
}

// TestEveryKindConforms: the rules hold for each kind, not for Secrets alone.
func TestEveryKindConforms(t *testing.T) {
	for _, fresh := range conformance.Samples("istio-system") {
		broken, errs := suite.Broken(t.Context(), conformance.ObjectRules(peeringtest.NewMesh("east").Member("east").Server, fresh))
		if len(broken) > 0 {
			t.Errorf("%T: %v", fresh(), errs)
		}
	}
}
