package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// Objects reads and writes typed objects.
type Objects struct {
	client  client
	manager string
	cached  bool
}

// NewObjects returns Objects whose writes carry the field manager. It does no network I/O.
func NewObjects(config *rest.Config, manager string) (Objects, error) {
	client, err := newClient(config)
	return Objects{client: client, manager: manager}, err
}

// Cached are the same Objects with reads from the API server's watch cache, as informers list: they may be some moments old, and
// cost the API server no question to etcd. A list of the newest state, and every other one of its kind in the next tenth of a
// second, waits until that cache has caught up (Kubernetes KEP-2340, pkg/storage/cacher/progress): those of an istiod that is
// given a remote secret, too.
func (c Objects) Cached() Objects {
	c.cached = true
	return c
}

// Get reads the object that has the kind, namespace and name of o. Errors are those of the API server.
func (c Objects) Get(ctx context.Context, o Object) (Object, error) {
	r, err := c.client.request("GET", o, o.GetName())
	if err != nil {
		return nil, err
	}
	if c.cached {
		r.Param("resourceVersion", "0")
	}
	return one(ctx, r, o)
}

// List reads the objects of the kind and namespace of like that selector matches (a label selector; "" is all), page by page.
func (c Objects) List(ctx context.Context, like Object, selector string) ([]Object, error) {
	var out []Object
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	if c.cached {
		options.ResourceVersion = "0"
	}
	for {
		r, err := c.client.request("GET", like)
		if err != nil {
			return nil, err
		}
		some, next, err := page(ctx, r.VersionedParams(&options, metav1.ParameterCodec), like)
		if apierrors.IsResourceExpired(err) && options.Continue != "" { // the server has forgotten the state of the first page
			out, options = nil, metav1.ListOptions{LabelSelector: selector}
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		if options.Continue = next; next == "" {
			return out, nil
		}
		options.ResourceVersion = "" // the next page is of the same state
	}
}

// Watch streams what becomes of Secrets in the namespace of like, until ctx ends or [CallTimeout] is over.
func (c Objects) Watch(ctx context.Context, like Object, o metav1.ListOptions) (watch.Interface, error) {
	if _, known := like.(*corev1.Secret); !known {
		return nil, fmt.Errorf("kube: %T cannot be watched", like)
	}
	r, err := c.client.request("GET", like)
	if err != nil {
		return nil, err
	}
	o.Watch = true
	return r.VersionedParams(&o, metav1.ParameterCodec).Watch(ctx)
}

// pageSize is the number of objects in one answer to List, as kubectl has it.
const pageSize = 500

// Create stores o and returns what was stored. Reviews (SelfSubjectAccessReview and its kin) are answered, not stored.
func (c Objects) Create(ctx context.Context, o Object) (Object, error) {
	r, err := c.client.request("POST", o)
	if err != nil {
		return nil, err
	}
	return c.write(ctx, r, o)
}

// Update replaces the live object by o under the UID and resourceVersion that o carries.
func (c Objects) Update(ctx context.Context, o Object) (Object, error) {
	r, err := c.client.request("PUT", o, o.GetName())
	if err != nil {
		return nil, err
	}
	return c.write(ctx, r, o)
}

func (c Objects) write(ctx context.Context, r *rest.Request, o Object) (Object, error) {
	if c.manager != "" {
		r.Param("fieldManager", c.manager)
	}
	k, err := kindOf(o)
	if err != nil {
		return nil, err
	}
	content := o.DeepCopyObject()
	content.GetObjectKind().SetGroupVersionKind(k.gvk)
	if r, err = send(r, content); err != nil {
		return nil, err
	}
	return one(ctx, r, o)
}

// Delete removes the object with the UID (and resourceVersion, if o carries one) of o; another one is left alone with a
// conflict error.
func (c Objects) Delete(ctx context.Context, o Object) error {
	uid, version := o.GetUID(), o.GetResourceVersion()
	pre := &metav1.Preconditions{}
	if uid != "" {
		pre.UID = &uid
	}
	if version != "" {
		pre.ResourceVersion = &version
	}
	r, err := c.client.request("DELETE", o, o.GetName())
	if err != nil {
		return err
	}
	r, err = send(r, &metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}, Preconditions: pre})
	if err != nil {
		return err
	}
	return r.Do(ctx).Error()
}
