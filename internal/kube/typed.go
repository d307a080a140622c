package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Reader reads objects of one API server.
type Reader interface {
	Get(context.Context, Object) (Object, error)
	List(ctx context.Context, like Object, labelSelector string) ([]Object, error)
}

// GetAs reads the object that has the kind, namespace and name of like, as that kind.
func GetAs[T Object](ctx context.Context, from Reader, like T) (T, error) {
	found, err := from.Get(ctx, like)
	if err != nil {
		var none T
		return none, err
	}
	return as[T](found)
}

// ListAs reads all objects of one kind that selector matches, as that kind.
func ListAs[T Object](ctx context.Context, from Reader, like T, selector string) ([]T, error) {
	found, err := from.List(ctx, like, selector)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(found))
	for i, o := range found {
		if all[i], err = as[T](o); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func as[T Object](o Object) (T, error) {
	typed, ok := o.(T)
	if !ok {
		return typed, fmt.Errorf("kube: Objects gave %T in place of %T: see conformance.TestObjects", o, typed)
	}
	return typed, nil
}

// Watch streams changes where objects can.
func Watch(ctx context.Context, objects any, like Object, o metav1.ListOptions) (watch.Interface, error) {
	if w, can := objects.(interface {
		Watch(context.Context, Object, metav1.ListOptions) (watch.Interface, error)
	}); can {
		return w.Watch(ctx, like, o)
	}
	return nil, fmt.Errorf("kube: %T cannot watch", objects)
}
