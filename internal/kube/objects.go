package kube

import (
	"context"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
)

// Objects reads and writes typed objects through a dynamic client.
type Objects struct {
	client  func() dynamic.Interface // printers that follow fields do not enter it: it holds the credential of its config
	manager string
	cached  bool
}

// NewObjects returns Objects whose writes carry the field manager.
func NewObjects(client dynamic.Interface, manager string) Objects {
	return Objects{client: func() dynamic.Interface { return client }, manager: manager}
}

// Cached are the same Objects with lists from the API server's watch cache, as informers read them: they may be some moments
// old. A list of the newest state, and every other one of its kind in the next tenth of a second, waits until that cache has
// caught up (Kubernetes KEP-2340, pkg/storage/cacher/progress): those of an istiod that is given a remote secret, too.
func (c Objects) Cached() Objects {
	c.cached = true
	return c
}

// Get reads the object that has the kind, namespace and name of o. Errors are those of the API server.
func (c Objects) Get(ctx context.Context, o Object) (Object, error) {
	resource, _, err := c.resource(o)
	if err != nil {
		return nil, err
	}
	u, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	return typed(u, o, err)
}

// List reads the objects of the kind and namespace of like that selector matches (a label selector; "" is all), page by page.
func (c Objects) List(ctx context.Context, like Object, selector string) ([]Object, error) {
	resource, _, err := c.resource(like)
	if err != nil {
		return nil, err
	}
	var out []Object
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	if c.cached {
		options.ResourceVersion = "0"
	}
	for {
		page, err := resource.List(ctx, options)
		if apierrors.IsResourceExpired(err) && options.Continue != "" { // the server has forgotten the state of the first page
			out, options = nil, metav1.ListOptions{LabelSelector: selector}
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			o, err := typed(&page.Items[i], like, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return out, nil
		}
		options.ResourceVersion = "" // the next page is of the same state
	}
}

// pageSize is the number of objects in one answer to List, as kubectl has it.
const pageSize = 500

// Create stores o and returns what was stored. Reviews (SelfSubjectAccessReview and its kin) are answered, not stored.
func (c Objects) Create(ctx context.Context, o Object) (Object, error) {
	resource, u, err := c.resource(o)
	if err != nil {
		return nil, err
	}
	u, err = resource.Create(ctx, u, metav1.CreateOptions{FieldManager: c.manager})
	return typed(u, o, err)
}

// Update replaces the live object by o under the UID and resourceVersion that o carries.
func (c Objects) Update(ctx context.Context, o Object) (Object, error) {
	resource, u, err := c.resource(o)
	if err != nil {
		return nil, err
	}
	u, err = resource.Update(ctx, u, metav1.UpdateOptions{FieldManager: c.manager})
	return typed(u, o, err)
}

// Delete removes the object with the UID (and resourceVersion, if o carries one) of o; another one is left alone with a
// conflict error.
func (c Objects) Delete(ctx context.Context, o Object) error {
	resource, _, err := c.resource(o)
	if err != nil {
		return err
	}
	uid, version := o.GetUID(), o.GetResourceVersion()
	pre := &metav1.Preconditions{}
	if uid != "" {
		pre.UID = &uid
	}
	if version != "" {
		pre.ResourceVersion = &version
	}
	return resource.Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: pre})
}

func (c Objects) resource(o Object) (dynamic.ResourceInterface, *unstructured.Unstructured, error) {
	k, err := kindOf(o)
	if err != nil {
		return nil, nil, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(k.gvk)
	client := c.client().Resource(k.gvr())
	if o.GetNamespace() == "" {
		return client, u, nil
	}
	return client.Namespace(o.GetNamespace()), u, nil
}

// typed turns u into a new object of the type of like.
func typed(u *unstructured.Unstructured, like Object, err error) (Object, error) {
	if err != nil {
		return nil, err
	}
	if _, asIs := like.(*unstructured.Unstructured); asIs {
		return u, nil
	}
	out := reflect.New(reflect.TypeOf(like).Elem()).Interface().(Object)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out); err != nil {
		return nil, err
	}
	return out, nil
}
