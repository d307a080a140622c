package apply

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// content is what a caller decides of an object beside labels and annotations: nothing of a ServiceAccount, whose fields
// others fill; all but metadata and status of a kind that is not listed.
func content(o kube.Object) any {
	switch o := o.(type) {
	case *rbacv1.ClusterRole:
		return o.Rules
	case *rbacv1.Role:
		return o.Rules
	case *rbacv1.ClusterRoleBinding:
		return bound{o.RoleRef, o.Subjects}
	case *rbacv1.RoleBinding:
		return bound{o.RoleRef, o.Subjects}
	case *corev1.Secret:
		return o.Data
	case *corev1.ServiceAccount:
		return nil
	}
	all, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return err // equals nothing
	}
	rest := map[string]any{}
	for key, value := range all {
		switch key {
		case "apiVersion", "kind", "metadata", "status":
		default:
			rest[key] = value
		}
	}
	return rest
}

type bound struct {
	Role     rbacv1.RoleRef
	Subjects []rbacv1.Subject
}

// sameContent takes an empty list for none, as the API server does.
func sameContent(a, b kube.Object) bool { return equality.Semantic.DeepEqual(content(a), content(b)) }

// withContent is a copy of base with the content of from.
func withContent(base, from kube.Object) kube.Object {
	out := clone(base)
	from = clone(from)
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
