package rbac

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Reader is the identity of a reading istiod: an account and what it may do.
// A field set to nil is left out of Objects and WriteYAML.
type Reader struct {
	ServiceAccount     *corev1.ServiceAccount
	ClusterRole        *rbacv1.ClusterRole
	ClusterRoleBinding *rbacv1.ClusterRoleBinding

	// Warnings say where the rendering rests on a guess, such as a version of
	// Istio newer than those known. They belong in front of a person.
	Warnings []string
}

// Render returns the objects for the options. Rendering is pure and repeatable;
// the objects are the caller's to change. The error is an [*FieldError] that
// names the field, its value and the remedy.
func Render(o Options) (*Reader, error) {
	r, err := o.resolve()
	if err != nil {
		return nil, err
	}
	rules := r.rules()
	policies := make([]rbacv1.PolicyRule, len(rules))
	for i, rule := range rules {
		policies[i] = rule.PolicyRule
	}
	account := r.meta(r.ServiceAccount)
	account.Namespace = r.Namespace
	return &Reader{
		ServiceAccount: &corev1.ServiceAccount{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
			ObjectMeta: account,
		},
		ClusterRole: &rbacv1.ClusterRole{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
			ObjectMeta: r.meta(r.Name),
			Rules:      policies,
		},
		ClusterRoleBinding: &rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
			ObjectMeta: r.meta(r.Name),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: r.Name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: r.ServiceAccount, Namespace: r.Namespace}},
		},
		Warnings: r.warnings,
	}, nil
}

func (r *resolved) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: maps.Clone(r.labels), Annotations: maps.Clone(r.Annotations)}
}

// Objects returns the objects in the order to apply them: the account, the
// role, and the binding, which the API server refuses to check without its role
// (Kubernetes pkg/registry/rbac/clusterrolebinding/policybased).
func (r *Reader) Objects() []runtime.Object {
	var objects []runtime.Object
	if r.ServiceAccount != nil {
		objects = append(objects, r.ServiceAccount)
	}
	if r.ClusterRole != nil {
		objects = append(objects, r.ClusterRole)
	}
	if r.ClusterRoleBinding != nil {
		objects = append(objects, r.ClusterRoleBinding)
	}
	return objects
}
