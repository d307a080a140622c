package peeringtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
)

// TestObjects checks that objects keeps the promises that peering.Objects makes. It needs namespace to exist, and leaves
// nothing in it. It fails if objects is nil, and if -run leaves none of its cases.
func TestObjects(t *testing.T, objects peering.Objects, namespace string) {
	if objects == nil || namespace == "" {
		t.Fatal("peeringtest: TestObjects needs an Objects and a namespace")
	}
	ran := 0
	for _, fresh := range samples(namespace) {
		t.Run(fmt.Sprintf("%T", fresh()), func(t *testing.T) {
			ran++
			for _, err := range broken(t.Context(), objects, fresh) {
				t.Error(err)
			}
		})
	}
	if ran == 0 {
		t.Error("peeringtest: no case of TestObjects ran: nothing was checked")
	}
}

// samples are makers of an object of each kind that peering writes.
func samples(namespace string) []func() peering.Object {
	return []func() peering.Object{
		func() peering.Object {
			return &corev1.Secret{ObjectMeta: sampleMeta(namespace), Data: map[string][]byte{"key": []byte("value")}}
		},
		func() peering.Object { return &corev1.ServiceAccount{ObjectMeta: sampleMeta(namespace)} },
		func() peering.Object {
			return &rbacv1.ClusterRole{ObjectMeta: sampleMeta(""), Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}}}
		},
		func() peering.Object {
			return &rbacv1.Role{ObjectMeta: sampleMeta(namespace), Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}}}
		},
	}
}

// broken names the promises that objects does not keep for one kind.
func broken(ctx context.Context, objects peering.Objects, fresh func() peering.Object) (all []error) {
	objects = untouched{objects, &all}
	created, err := objects.Create(ctx, fresh())
	if err == nil && created == nil {
		err = errors.New("the answer is nil")
	}
	if err != nil {
		return append(all, fmt.Errorf("Create of a new object: %w", err))
	}
	defer func() { _ = objects.Delete(context.WithoutCancel(ctx), fresh()) }()
	for _, rule := range rules {
		if err := rule.check(ctx, objects, created, fresh); err != nil {
			all = append(all, fmt.Errorf("%s: %w", rule.name, err))
		}
	}
	return all
}

func sampleMeta(namespace string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: "peeringtest-conformance", Labels: map[string]string{"peeringtest": "conformance"}}
}

// rules are checked in order on one object, which the last one deletes.
var rules = []struct {
	name  string
	check func(ctx context.Context, objects peering.Objects, created peering.Object, fresh func() peering.Object) error
}{
	{"Create returns the UID and resourceVersion", func(_ context.Context, _ peering.Objects, created peering.Object, _ func() peering.Object) error {
		if created.GetUID() == "" || created.GetResourceVersion() == "" {
			return fmt.Errorf("UID %q, resourceVersion %q", created.GetUID(), created.GetResourceVersion())
		}
		return nil
	}},
	{"Create is a lock: the second one answers AlreadyExists", func(ctx context.Context, objects peering.Objects, _ peering.Object, fresh func() peering.Object) error {
		_, err := objects.Create(ctx, fresh())
		return want(apierrors.IsAlreadyExists, err)
	}},
	{"Get returns what was created, as a copy", func(ctx context.Context, objects peering.Objects, created peering.Object, fresh func() peering.Object) error {
		got, err := objects.Get(ctx, fresh())
		if err != nil {
			return err
		}
		if got.GetUID() != created.GetUID() || !maps.Equal(got.GetLabels(), fresh().GetLabels()) {
			return fmt.Errorf("UID %s with labels %v, not %s with %v", got.GetUID(), got.GetLabels(), created.GetUID(), fresh().GetLabels())
		}
		got.SetLabels(nil)
		again, err := objects.Get(ctx, fresh())
		if err == nil && again.GetLabels()["peeringtest"] == "" {
			err = fmt.Errorf("a change of the returned object changed the stored one")
		}
		return err
	}},
	{"Get of an unstructured object returns one, with every field", func(ctx context.Context, objects peering.Objects, created peering.Object, _ func() peering.Object) error {
		loose := &unstructured.Unstructured{}
		loose.SetGroupVersionKind(kindOf(created))
		loose.SetNamespace(created.GetNamespace())
		loose.SetName(created.GetName())
		got, err := objects.Get(ctx, loose)
		if err != nil {
			return err
		}
		full, ok := got.(*unstructured.Unstructured)
		if !ok || got.GetUID() != created.GetUID() {
			return fmt.Errorf("%T with UID %s", got, got.GetUID())
		}
		want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(created)
		if err != nil {
			return err
		}
		for field := range want {
			if full.Object[field] == nil && want[field] != nil && field != "kind" && field != "apiVersion" {
				return fmt.Errorf("field %s is missing", field)
			}
		}
		return nil
	}},
	{"Get of another name answers NotFound", func(ctx context.Context, objects peering.Objects, _ peering.Object, fresh func() peering.Object) error {
		other := fresh()
		other.SetName("peeringtest-no-such-name")
		_, err := objects.Get(ctx, other)
		return want(apierrors.IsNotFound, err)
	}},
	{"List selects by label", func(ctx context.Context, objects peering.Objects, _ peering.Object, fresh func() peering.Object) error {
		for selector, n := range map[string]int{"peeringtest=conformance": 1, "peeringtest=other": 0} {
			found, err := objects.List(ctx, fresh(), selector)
			if err != nil {
				return err
			}
			if len(found) != n || n == 1 && found[0].GetName() != fresh().GetName() {
				return fmt.Errorf("%d objects for %s, not %d", len(found), selector, n)
			}
		}
		return nil
	}},
	{"Update writes under resourceVersion", func(ctx context.Context, objects peering.Objects, created peering.Object, _ func() peering.Object) error {
		changed := clone(created)
		changed.SetAnnotations(map[string]string{"peeringtest": "changed"})
		updated, err := objects.Update(ctx, changed)
		if err != nil {
			return err
		}
		if updated.GetResourceVersion() == created.GetResourceVersion() {
			return errors.New("resourceVersion did not change")
		}
		changed.SetAnnotations(map[string]string{"peeringtest": "changed again"})
		if _, err = objects.Update(ctx, changed); !apierrors.IsConflict(err) {
			return want(apierrors.IsConflict, err)
		}
		stored, err := objects.Get(ctx, changed)
		if err == nil && stored.GetAnnotations()["peeringtest"] != "changed" {
			err = fmt.Errorf("annotation %q was stored, not %q", stored.GetAnnotations()["peeringtest"], "changed")
		}
		return err
	}},
	{"Delete leaves an object of another UID alone", func(ctx context.Context, objects peering.Objects, _ peering.Object, fresh func() peering.Object) error {
		other := fresh()
		other.SetUID(newUID())
		return refusedDelete(ctx, objects, other)
	}},
	{"Delete leaves an object of another resourceVersion alone", func(ctx context.Context, objects peering.Objects, created peering.Object, _ func() peering.Object) error {
		return refusedDelete(ctx, objects, created) // updated since
	}},
	{"Delete removes, and the next one answers NotFound", func(ctx context.Context, objects peering.Objects, created peering.Object, fresh func() peering.Object) error {
		mine := fresh()
		mine.SetUID(created.GetUID())
		if err := objects.Delete(ctx, mine); err != nil {
			return err
		}
		if _, err := objects.Get(ctx, fresh()); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is still there: %w", want(apierrors.IsNotFound, err))
		}
		return want(apierrors.IsNotFound, objects.Delete(ctx, mine))
	}},
}

// refusedDelete fails unless the deletion is refused as a conflict and the object is still there.
func refusedDelete(ctx context.Context, objects peering.Objects, o peering.Object) error {
	if err := objects.Delete(ctx, o); !apierrors.IsConflict(err) {
		return want(apierrors.IsConflict, err)
	}
	if _, err := objects.Get(ctx, o); err != nil {
		return fmt.Errorf("the object is gone: %w", err)
	}
	return nil
}

func kindOf(o peering.Object) schema.GroupVersionKind {
	switch o.(type) {
	case *corev1.Secret:
		return corev1.SchemeGroupVersion.WithKind("Secret")
	case *corev1.ServiceAccount:
		return corev1.SchemeGroupVersion.WithKind("ServiceAccount")
	case *rbacv1.Role:
		return rbacv1.SchemeGroupVersion.WithKind("Role")
	}
	return rbacv1.SchemeGroupVersion.WithKind("ClusterRole")
}

func want(kind func(error) bool, err error) error {
	if kind(err) {
		return nil
	}
	return fmt.Errorf("answer is %v", err)
}
