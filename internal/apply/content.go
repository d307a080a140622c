package apply

import (
	"bytes"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// sameContent compares what a caller decides of an object beside labels and annotations: nothing of a ServiceAccount, whose
// fields others fill; all but metadata and status of a kind that is not listed. An empty list is none, as for the API server.
func sameContent(a, b kube.Object) bool {
	switch a := a.(type) {
	case *rbacv1.ClusterRole:
		return slices.EqualFunc(a.Rules, b.(*rbacv1.ClusterRole).Rules, sameRule)
	case *rbacv1.Role:
		return slices.EqualFunc(a.Rules, b.(*rbacv1.Role).Rules, sameRule)
	case *rbacv1.ClusterRoleBinding:
		b := b.(*rbacv1.ClusterRoleBinding)
		return a.RoleRef == b.RoleRef && slices.Equal(a.Subjects, b.Subjects)
	case *rbacv1.RoleBinding:
		b := b.(*rbacv1.RoleBinding)
		return a.RoleRef == b.RoleRef && slices.Equal(a.Subjects, b.Subjects)
	case *corev1.Secret:
		return maps.EqualFunc(a.Data, b.(*corev1.Secret).Data, bytes.Equal)
	case *corev1.ServiceAccount:
		return true
	}
	x, errX := rest(a)
	y, errY := rest(b)
	return errX == nil && errY == nil && equality.Semantic.DeepEqual(x, y)
}

func sameRule(a, b rbacv1.PolicyRule) bool {
	return slices.Equal(a.Verbs, b.Verbs) && slices.Equal(a.APIGroups, b.APIGroups) && slices.Equal(a.Resources, b.Resources) &&
		slices.Equal(a.ResourceNames, b.ResourceNames) && slices.Equal(a.NonResourceURLs, b.NonResourceURLs)
}

// rest is an object without metadata and status.
func rest(o kube.Object) (map[string]any, error) {
	all, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	all = maps.Clone(all) // that of an Unstructured is its own
	for _, key := range []string{"apiVersion", "kind", "metadata", "status"} {
		delete(all, key)
	}
	return all, nil
}

// withContent is a copy of base with the content of from.
func withContent(base, from kube.Object) kube.Object {
	out := own(base)
	switch o := out.(type) {
	case *rbacv1.ClusterRole:
		o.Rules = from.(*rbacv1.ClusterRole).Rules
	case *rbacv1.Role:
		o.Rules = from.(*rbacv1.Role).Rules
	case *rbacv1.ClusterRoleBinding:
		o.Subjects = from.(*rbacv1.ClusterRoleBinding).Subjects
	case *rbacv1.RoleBinding:
		o.Subjects = from.(*rbacv1.RoleBinding).Subjects
	case *corev1.Secret:
		o.Data = from.(*corev1.Secret).Data
	case *corev1.ServiceAccount:
	default:
		from = clone(from)
		from.SetUID(base.GetUID())
		from.SetResourceVersion(base.GetResourceVersion())
		from.SetLabels(base.GetLabels())
		from.SetAnnotations(base.GetAnnotations())
		from.SetFinalizers(base.GetFinalizers())
		from.SetOwnerReferences(base.GetOwnerReferences())
		return from
	}
	return out
}
