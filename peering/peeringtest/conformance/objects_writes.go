package conformance

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
)

// otherUID is that of nothing.
const otherUID = types.UID("00000000-0000-0000-0000-000000000000")

func notFound(err error) error { return suite.Answer("NotFound", apierrors.IsNotFound, err) }

func alreadyExists(err error) error {
	return suite.Answer("AlreadyExists", apierrors.IsAlreadyExists, err)
}

func conflict(err error) error { return suite.Answer("Conflict", apierrors.IsConflict, err) }

func unauthorized(err error) error {
	return suite.Answer("401 Unauthorized", apierrors.IsUnauthorized, err)
}

// createdRule is one about an object that is there.
type createdRule struct {
	name  string
	check func(ctx context.Context, created peering.Object) error
}

// writeRules are about Update and Delete under UID and resourceVersion.
func writeRules(objects peering.Objects, fresh func() peering.Object) []createdRule {
	annotated := func(o peering.Object, value string) peering.Object {
		o = o.DeepCopyObject().(peering.Object)
		o.SetAnnotations(map[string]string{"conformance": value})
		return o
	}
	// refused fails unless the deletion is refused as a conflict and the object is still there.
	refused := func(ctx context.Context, o peering.Object) error {
		if err := conflict(objects.Delete(ctx, o)); err != nil {
			return err
		}
		if _, err := objects.Get(ctx, o); err != nil {
			return fmt.Errorf("the object is gone: %w", err)
		}
		return nil
	}
	return []createdRule{
		{"Update stores what it is given, and returns another resourceVersion", func(ctx context.Context, created peering.Object) error {
			updated, err := objects.Update(ctx, annotated(created, "changed"))
			if err != nil {
				return err
			}
			if updated.GetResourceVersion() == created.GetResourceVersion() || updated.GetUID() != created.GetUID() {
				return fmt.Errorf("resourceVersion %s after %s, UID %s after %s", updated.GetResourceVersion(), created.GetResourceVersion(), updated.GetUID(), created.GetUID())
			}
			stored, err := objects.Get(ctx, fresh())
			if err == nil && stored.GetAnnotations()["conformance"] != "changed" {
				err = fmt.Errorf("annotation %q was stored, not %q", stored.GetAnnotations()["conformance"], "changed")
			}
			return err
		}},
		{"Update of a resourceVersion that is past answers Conflict, and writes nothing", func(ctx context.Context, created peering.Object) error {
			if _, err := objects.Update(ctx, annotated(created, "changed")); err != nil {
				return err
			}
			_, err := objects.Update(ctx, annotated(created, "changed again"))
			if err := conflict(err); err != nil {
				return err
			}
			stored, err := objects.Get(ctx, fresh())
			if err == nil && stored.GetAnnotations()["conformance"] == "changed again" {
				err = errors.New("it was written all the same")
			}
			return err
		}},
		{"Update of what is not there answers NotFound", func(ctx context.Context, created peering.Object) error {
			if err := objects.Delete(ctx, fresh()); err != nil {
				return err
			}
			_, err := objects.Update(ctx, annotated(created, "changed"))
			// With the UID of what is gone, API servers may as well say that it does not match.
			return suite.Answer("NotFound or Conflict", func(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }, err)
		}},
		{"Delete leaves an object of another UID alone, with a Conflict", func(ctx context.Context, _ peering.Object) error {
			other := fresh()
			other.SetUID(otherUID)
			return refused(ctx, other)
		}},
		{"Delete leaves an object of another resourceVersion alone, with a Conflict", func(ctx context.Context, created peering.Object) error {
			if _, err := objects.Update(ctx, annotated(created, "changed")); err != nil {
				return err
			}
			return refused(ctx, created)
		}},
		{"Delete removes, and the next one answers NotFound", func(ctx context.Context, created peering.Object) error {
			mine := fresh()
			mine.SetUID(created.GetUID())
			if err := objects.Delete(ctx, mine); err != nil {
				return err
			}
			if _, err := objects.Get(ctx, fresh()); !apierrors.IsNotFound(err) {
				return fmt.Errorf("the object is still there: %w", notFound(err))
			}
			return notFound(objects.Delete(ctx, mine))
		}},
	}
}

// looseGet asks for what is there without its Go type.
func looseGet(ctx context.Context, objects peering.Objects, created peering.Object) error {
	loose := &unstructured.Unstructured{}
	loose.SetGroupVersionKind(kindOf(created))
	loose.SetNamespace(created.GetNamespace())
	loose.SetName(created.GetName())
	got, err := objects.Get(ctx, loose)
	if err != nil {
		return err
	}
	full, ok := got.(*unstructured.Unstructured)
	if !ok || got.GetUID() != created.GetUID() || full.GetKind() != loose.GetKind() {
		return fmt.Errorf("%T with kind %q and UID %s", got, got.GetObjectKind().GroupVersionKind().Kind, got.GetUID())
	}
	want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(created)
	if err != nil {
		return err
	}
	for field := range want {
		if full.Object[field] == nil && want[field] != nil {
			return fmt.Errorf("field %s is missing", field)
		}
	}
	return nil
}

func kindOf(o peering.Object) schema.GroupVersionKind {
	version := rbacv1.SchemeGroupVersion
	switch o.(type) {
	case *corev1.Secret, *corev1.ServiceAccount:
		version = corev1.SchemeGroupVersion
	}
	return version.WithKind(kube.Kind(o))
}

// givenStays makes one call of each kind and compares what it was given before and after.
func givenStays(ctx context.Context, objects peering.Objects, fresh func() peering.Object) error {
	var faults []error
	watched := untouched{objects, &faults}
	created, err := watched.Create(ctx, fresh())
	if err != nil {
		return err
	}
	defer func() { _ = objects.Delete(context.WithoutCancel(ctx), fresh()) }()
	if _, err := watched.Get(ctx, fresh()); err != nil {
		return err
	}
	if _, err := watched.List(ctx, fresh(), "conformance=objects"); err != nil {
		return err
	}
	if _, err := watched.Update(ctx, created); err != nil {
		return err
	}
	if err := watched.Delete(ctx, fresh()); err != nil {
		return err
	}
	return errors.Join(faults...)
}
