package preflight_test

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// memory is an API server to read from.
type memory struct {
	objects []preflight.Object
	fails   map[string]error // by kind
	pause   func()           // taken by each request

	mu    sync.Mutex
	calls []string
	asked []string // kinds
}

func (m *memory) Get(ctx context.Context, like preflight.Object) (preflight.Object, error) {
	if err := m.call(ctx, "get", like); err != nil {
		return nil, err
	}
	for _, o := range m.objects {
		if same(o, like) && o.GetNamespace() == like.GetNamespace() && o.GetName() == like.GetName() {
			return o.DeepCopyObject().(preflight.Object), nil
		}
	}
	return nil, notFound(kind(like))
}

func (m *memory) List(ctx context.Context, like preflight.Object, selector string) ([]preflight.Object, error) {
	if err := m.call(ctx, "list", like); err != nil {
		return nil, err
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var found []preflight.Object
	for _, o := range m.objects {
		within := like.GetNamespace() == "" || o.GetNamespace() == like.GetNamespace()
		if same(o, like) && within && parsed.Matches(labels.Set(o.GetLabels())) {
			if _, of := like.(*metav1.PartialObjectMetadata); of {
				found = append(found, &metav1.PartialObjectMetadata{TypeMeta: meta("v1", kind(o)), ObjectMeta: metadata(o)})
				continue
			}
			found = append(found, o.DeepCopyObject().(preflight.Object))
		}
	}
	return found, nil
}

func metadata(o preflight.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), Labels: o.GetLabels(), Annotations: o.GetAnnotations(), ManagedFields: o.GetManagedFields(),
	}
}

func (m *memory) call(ctx context.Context, verb string, like preflight.Object) error {
	m.mu.Lock()
	m.calls = append(m.calls, verb+" "+kind(like)+" "+like.GetNamespace()+"/"+like.GetName())
	m.asked = append(m.asked, like.GetObjectKind().GroupVersionKind().GroupKind().String())
	m.mu.Unlock()
	if m.pause != nil {
		m.pause()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	gvk := like.GetObjectKind().GroupVersionKind()
	for _, key := range []string{kind(like), gvk.GroupKind().String(), gvk.GroupVersion().String() + " " + gvk.Kind} {
		if err := m.fails[key]; err != nil {
			return err
		}
	}
	return m.fails[kind(like)+"/"+like.GetName()]
}

func (m *memory) add(objects ...preflight.Object) { m.objects = append(m.objects, objects...) }

func (m *memory) remove(kindOf, name string) {
	kept := m.objects[:0]
	for _, o := range m.objects {
		if kind(o) != kindOf || o.GetName() != name {
			kept = append(kept, o)
		}
	}
	m.objects = kept
}

func (m *memory) forbid(kind string) {
	m.fails[kind] = apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", nil)
}

func kind(o preflight.Object) string { return o.GetObjectKind().GroupVersionKind().Kind }

// same says whether two objects are of one kind: two groups have a Gateway, of one of which the version counts.
func same(a, b preflight.Object) bool {
	one, two := a.GetObjectKind().GroupVersionKind(), b.GetObjectKind().GroupVersionKind()
	return one.GroupKind() == two.GroupKind() && (one.Group != gatewayAPI || one.Version == two.Version)
}

const gatewayAPI = "gateway.networking.k8s.io"

func notFound(kind string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, "")
}

// of finds an object to change.
func of[T preflight.Object](m *memory, name string) T {
	for _, o := range m.objects {
		if typed, ok := o.(T); ok && o.GetName() == name {
			return typed
		}
	}
	panic("the test world has no " + name)
}

var unauthorized = apierrors.NewUnauthorized("token expired")
