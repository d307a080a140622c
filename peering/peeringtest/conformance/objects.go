package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
)

// TestObjects checks that objects keeps the promises that peering.Objects makes, for each kind that peering writes. It needs
// namespace to exist, and leaves nothing in it. It fails if objects is nil, and if -run leaves none of its rules.
func TestObjects(t *testing.T, objects peering.Objects, namespace string) {
	if objects == nil || namespace == "" {
		t.Fatal("conformance: TestObjects needs an Objects and a namespace")
	}
	ran := false
	for _, fresh := range samples(namespace) {
		t.Run(kube.Kind(fresh()), func(t *testing.T) {
			ran = true
			suite.Run(t, objectRules(objects, fresh))
		})
	}
	if !ran {
		t.Error("conformance: no rule of TestObjects ran: nothing was checked")
	}
}

// samples are makers of an object of each kind that peering writes.
func samples(namespace string) []func() peering.Object {
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}}
	return []func() peering.Object{
		func() peering.Object {
			return &corev1.Secret{ObjectMeta: sampleMeta(namespace), Data: map[string][]byte{"key": []byte("value")}}
		},
		func() peering.Object { return &corev1.ServiceAccount{ObjectMeta: sampleMeta(namespace)} },
		func() peering.Object { return &rbacv1.ClusterRole{ObjectMeta: sampleMeta(""), Rules: rules} },
		func() peering.Object { return &rbacv1.Role{ObjectMeta: sampleMeta(namespace), Rules: rules} },
		func() peering.Object {
			return &rbacv1.ClusterRoleBinding{
				ObjectMeta: sampleMeta(""), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: sample},
				Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: sample}},
			}
		},
	}
}

const sample = "conformance-objects"

func sampleMeta(namespace string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: sample, Labels: map[string]string{"conformance": "objects"}}
}

// objectRules are those for one kind.
func objectRules(objects peering.Objects, fresh func() peering.Object) []suite.Rule {
	with := func(name string, check func(ctx context.Context, created peering.Object) error) suite.Rule {
		return suite.Rule{Name: name, Check: func(ctx context.Context) error {
			created, err := objects.Create(ctx, fresh())
			if err == nil && created == nil {
				err = errors.New("the answer is nil")
			}
			if err != nil {
				return fmt.Errorf("Create of a new object: %w", err)
			}
			defer func() { _ = objects.Delete(context.WithoutCancel(ctx), fresh()) }()
			return check(ctx, created)
		}}
	}
	rules := []suite.Rule{
		with("Create returns the UID and resourceVersion", func(_ context.Context, created peering.Object) error {
			if created.GetUID() == "" || created.GetResourceVersion() == "" {
				return fmt.Errorf("UID %q, resourceVersion %q", created.GetUID(), created.GetResourceVersion())
			}
			return nil
		}),
		with("Create is a lock: the second one answers AlreadyExists", func(ctx context.Context, _ peering.Object) error {
			_, err := objects.Create(ctx, fresh())
			return alreadyExists(err)
		}),
		with("Get returns what was created, as a copy", func(ctx context.Context, created peering.Object) error {
			for range 2 { // the second time after a change of what was returned
				got, err := objects.Get(ctx, fresh())
				if err != nil {
					return err
				}
				if got.GetUID() != created.GetUID() || !maps.Equal(got.GetLabels(), fresh().GetLabels()) {
					return fmt.Errorf("UID %s with labels %v, not %s with %v", got.GetUID(), got.GetLabels(), created.GetUID(), fresh().GetLabels())
				}
				got.GetLabels()["conformance"] = "changed"
			}
			return nil
		}),
		with("Get of an unstructured object returns one, with every field", func(ctx context.Context, created peering.Object) error {
			return looseGet(ctx, objects, created)
		}),
		{Name: "Get of a name that nothing has answers NotFound", Check: func(ctx context.Context) error {
			other := fresh()
			other.SetName("conformance-no-such-name")
			_, err := objects.Get(ctx, other)
			return notFound(err)
		}},
		with("List selects by label", func(ctx context.Context, _ peering.Object) error {
			for selector, n := range map[string]int{"conformance=objects": 1, "conformance=other": 0} {
				found, err := objects.List(ctx, fresh(), selector)
				if err != nil {
					return err
				}
				if len(found) != n || n == 1 && found[0].GetName() != fresh().GetName() {
					return fmt.Errorf("%d objects for %s, not %d", len(found), selector, n)
				}
			}
			return nil
		}),
		with("List returns objects of the type that it was asked for", func(ctx context.Context, _ peering.Object) error {
			found, err := objects.List(ctx, fresh(), "conformance=objects")
			if err == nil && len(found) == 0 {
				err = errors.New("it returns none")
			}
			if err == nil && fmt.Sprintf("%T", found[0]) != fmt.Sprintf("%T", fresh()) {
				err = fmt.Errorf("%T in place of %T", found[0], fresh())
			}
			return err
		}),
		{Name: "what is given to a call stays as it is", Check: func(ctx context.Context) error {
			return givenStays(ctx, objects, fresh)
		}},
		{Name: "an ended context is an error, and nothing is done", Check: func(ctx context.Context) error {
			defer func() { _ = objects.Delete(context.WithoutCancel(ctx), fresh()) }()
			err := suite.Ends(func() error {
				_, err := objects.Create(suite.Ended(ctx), fresh())
				return err
			})
			if err != nil {
				return err
			}
			_, err = objects.Get(ctx, fresh())
			return notFound(err)
		}},
	}
	for _, rule := range writeRules(objects, fresh) {
		rules = append(rules, with(rule.name, rule.check))
	}
	return rules
}
