package peeringtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
)

// Get is peering.Objects.
func (s *Server) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	return administrator(s).Get(ctx, like)
}

// List is peering.Objects.
func (s *Server) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	return administrator(s).List(ctx, like, selector)
}

// Create is peering.Objects.
func (s *Server) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	return administrator(s).Create(ctx, o)
}

// Update is peering.Objects.
func (s *Server) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	return administrator(s).Update(ctx, o)
}

// Delete is peering.Objects.
func (s *Server) Delete(ctx context.Context, o peering.Object) error {
	return administrator(s).Delete(ctx, o)
}

// caller sends requests to a server under one identity.
type caller struct {
	server *Server
	who    func() (identity, error) // asked under the server's lock, at each request
}

func (c caller) do(ctx context.Context, verb string, o peering.Object, do func(identity) error) error {
	if c.server == nil {
		return errRefused
	}
	if err := knownKind(o); err != nil {
		return err
	}
	return c.server.call(ctx, verb, o, func() error {
		who, err := c.who()
		if err != nil {
			return err
		}
		if !isReview(kube.Kind(o)) && !c.server.permits(who, verb, o) {
			return forbidden(who.user, verb, o)
		}
		return do(who)
	})
}

func (c caller) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	var found peering.Object
	err := c.do(ctx, "get", like, func(identity) error {
		if found = c.server.store.objects[key(like)]; found == nil {
			return apierrors.NewNotFound(resource(like), like.GetName())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return as(found, like)
}

func (c caller) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	parsed, malformed := labels.Parse(selector)
	var found []peering.Object
	err := c.do(ctx, "list", like, func(identity) error {
		if malformed != nil {
			return apierrors.NewBadRequest(malformed.Error())
		}
		found = c.server.store.matching(kube.Kind(like), like.GetNamespace(), parsed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return copies(found, like)
}

// copies turns what the store holds, in place, into what a caller may keep.
func copies(found []peering.Object, like peering.Object) (_ []peering.Object, err error) {
	for i, o := range found {
		if found[i], err = as(o, like); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c caller) Create(ctx context.Context, o peering.Object) (out peering.Object, err error) {
	err = c.do(ctx, "create", o, func(who identity) error {
		s := c.server
		if isReview(kube.Kind(o)) {
			out, err = s.review(who, o)
			return err
		}
		if s.store.objects[key(o)] != nil && o.GetName() != "" {
			return apierrors.NewAlreadyExists(resource(o), o.GetName())
		}
		stored, err := accept(o)
		if err != nil {
			return apierrors.NewBadRequest(err.Error())
		}
		if o.GetName() == "" {
			stored.SetName(o.GetGenerateName() + rand.Text()[:5])
		}
		stored.SetUID(newUID())
		stored.SetCreationTimestamp(metav1.NewTime(s.now()))
		s.store.put(stored)
		s.control(stored)
		out = stored
		return nil
	})
	if err != nil || isReview(kube.Kind(o)) {
		return out, err // of a review it is the caller's already
	}
	return as(out, o)
}

func (c caller) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	var stored peering.Object
	err := c.do(ctx, "update", o, func(identity) (err error) {
		s := c.server
		if err := s.matches(o); err != nil {
			return err
		}
		if stored, err = as(o, s.store.objects[key(o)]); err != nil {
			return err
		}
		if secret, ok := stored.(*corev1.Secret); ok {
			mergeStringData(secret)
		}
		s.store.put(stored)
		s.replicate(stored)
		s.control(stored)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return as(stored, o)
}

func (c caller) Delete(ctx context.Context, o peering.Object) error {
	return c.do(ctx, "delete", o, func(identity) error {
		if err := c.server.matches(o); err != nil {
			return err
		}
		live := c.server.store.objects[key(o)]
		c.server.store.drop(key(o))
		c.server.orphan(live)
		return nil
	})
}

// matches checks the preconditions that o carries against the live object.
func (s *Server) matches(o peering.Object) error {
	live := s.store.objects[key(o)]
	switch {
	case live == nil:
		return apierrors.NewNotFound(resource(o), o.GetName())
	case o.GetUID() != "" && o.GetUID() != live.GetUID():
		return apierrors.NewConflict(resource(o), o.GetName(), fmt.Errorf("UID is %s, not %s", live.GetUID(), o.GetUID()))
	case o.GetResourceVersion() != "" && o.GetResourceVersion() != live.GetResourceVersion():
		return apierrors.NewConflict(resource(o), o.GetName(), errors.New("the object has been modified"))
	}
	return nil
}

// as is a copy of o in the Go type of like: callers may ask for any kind as an unstructured.Unstructured, and for its
// metadata alone.
func as(o, like peering.Object) (peering.Object, error) {
	if reflect.TypeOf(o) == reflect.TypeOf(like) {
		return clone(o), nil
	}
	if slim, ok := like.(*metav1.PartialObjectMetadata); ok {
		out := meta.AsPartialObjectMetadata(o).DeepCopy()
		out.TypeMeta = slim.TypeMeta
		return out, nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	if _, loose := like.(*unstructured.Unstructured); loose {
		out := &unstructured.Unstructured{Object: content}
		out.SetGroupVersionKind(like.GetObjectKind().GroupVersionKind())
		return out, nil
	}
	out := reflect.New(reflect.TypeOf(like).Elem()).Interface().(peering.Object)
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(content, out)
}

func clone(o peering.Object) peering.Object { return o.DeepCopyObject().(peering.Object) }

func resource(o peering.Object) schema.GroupResource {
	return schema.GroupResource{Resource: kube.Resource(o)}
}

func newUID() types.UID { return types.UID(rand.Text()) }
