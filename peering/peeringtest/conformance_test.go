package peeringtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// faulty breaks one promise of a Server.
type faulty struct {
	peering.Objects
	get    func(peering.Object, error) (peering.Object, error)
	list   func([]peering.Object, string) []peering.Object
	create func(peering.Object, error) (peering.Object, error)
	update func(context.Context, peering.Object) (peering.Object, error)
	delete func(context.Context, peering.Object) error
}

func (f faulty) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	out, err := f.Objects.Get(ctx, o)
	if f.get != nil {
		return f.get(out, err)
	}
	return out, err
}

func (f faulty) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	out, err := f.Objects.List(ctx, like, selector)
	if f.list != nil {
		out = f.list(out, selector)
	}
	return out, err
}

func (f faulty) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	out, err := f.Objects.Create(ctx, o)
	if f.create != nil {
		return f.create(out, err)
	}
	return out, err
}

func (f faulty) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	if f.update != nil {
		return f.update(ctx, o)
	}
	return f.Objects.Update(ctx, o)
}

func (f faulty) Delete(ctx context.Context, o peering.Object) error {
	if f.delete != nil {
		return f.delete(ctx, o)
	}
	return f.Objects.Delete(ctx, o)
}

// TestConformanceFindsEveryFault holds the contract to implementations that break it in one place each.
func TestConformanceFindsEveryFault(t *testing.T) {
	for want, fault := range map[string]func(s *Server, f *faulty){
		"Create of a new object": func(_ *Server, f *faulty) {
			f.create = func(peering.Object, error) (peering.Object, error) { return nil, nil }
		},
		"Create returns the UID": func(_ *Server, f *faulty) {
			f.create = func(o peering.Object, err error) (peering.Object, error) {
				if err == nil {
					o.SetUID("")
				}
				return o, err
			}
		},
		"Create is a lock": func(s *Server, f *faulty) {
			first := true
			f.create = func(o peering.Object, err error) (peering.Object, error) {
				if first {
					first = false
					return o, err
				}
				return o, nil
			}
		},
		"Get returns what was created": func(_ *Server, f *faulty) {
			f.get = func(o peering.Object, err error) (peering.Object, error) {
				if err == nil {
					o.SetLabels(map[string]string{"peeringtest": "other"})
				}
				return o, err
			}
		},
		"with every field": func(_ *Server, f *faulty) {
			f.get = func(o peering.Object, err error) (peering.Object, error) {
				if loose, ok := o.(*unstructured.Unstructured); ok && err == nil {
					loose.Object = map[string]any{"metadata": loose.Object["metadata"]}
				}
				return o, err
			}
		},
		"Get of another name": func(_ *Server, f *faulty) {
			f.get = func(o peering.Object, err error) (peering.Object, error) { return o, nil }
		},
		"List selects by label": func(s *Server, f *faulty) {
			f.list = func(all []peering.Object, _ string) []peering.Object { return nil }
		},
		"Update writes under resourceVersion": func(s *Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				o = clone(o)
				o.SetResourceVersion("")
				return s.Update(ctx, o)
			}
		},
		"was stored, not": func(s *Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				o = clone(o)
				o.SetAnnotations(nil)
				return s.Update(ctx, o)
			}
		},
		"of another UID alone": func(s *Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error {
				o = clone(o)
				o.SetUID("")
				return s.Delete(ctx, o)
			}
		},
		"of another resourceVersion alone": func(s *Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error {
				o = clone(o)
				o.SetResourceVersion("")
				return s.Delete(ctx, o)
			}
		},
		"Update changed the": func(s *Server, f *faulty) {
			f.update = func(ctx context.Context, o peering.Object) (peering.Object, error) {
				out, err := s.Update(ctx, o)
				if err == nil {
					o.SetResourceVersion(out.GetResourceVersion())
				}
				return out, err
			}
		},
		"Delete changed the": func(s *Server, f *faulty) {
			f.delete = func(ctx context.Context, o peering.Object) error {
				o.SetLabels(nil)
				return s.Delete(ctx, o)
			}
		},
		"it is still there": func(_ *Server, f *faulty) {
			f.delete = func(context.Context, peering.Object) error {
				return nil
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			found := ""
			for _, fresh := range samples("istio-system") {
				server := NewMesh("east").Member("east").Server
				f := faulty{Objects: server}
				fault(server, &f)
				for _, err := range broken(t.Context(), f, fresh) {
					found += err.Error() + "\n"
				}
			}
			require.Contains(t, found, want)
		})
	}
	for _, fresh := range samples("istio-system") {
		require.Empty(t, broken(t.Context(), NewMesh("east").Member("east").Server, fresh))
	}
}

// TestFaultsHitSomebody: a fault for a replica that is not there would let a test pass.
func TestFaultsHitSomebody(t *testing.T) {
	istiods := NewMesh("east").Member("east").Istiods
	for _, fault := range []func(){
		func() { istiods.Stick("istiod-2", istiod.TimedOut) },
		func() { istiods.FailReplica("istiod-2", errors.New("no route")) },
		func() { NewMesh("east", "west", "east") },
		func() { NewMesh("a b") },
	} {
		require.Panics(t, fault)
	}
	istiods.Scale("istiod-1", "istiod-2")
	istiods.Stick("istiod-2", istiod.TimedOut)
}
