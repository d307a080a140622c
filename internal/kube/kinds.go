package kube

import (
	"fmt"
	"reflect"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is a Kubernetes API object: every kind of k8s.io/api fits.
type Object interface {
	metav1.Object
	runtime.Object
}

type kind struct {
	gvk      schema.GroupVersionKind
	resource string
}

var (
	core = corev1.SchemeGroupVersion
	rbac = rbacv1.SchemeGroupVersion
	auth = authorizationv1.SchemeGroupVersion

	// kinds are all that the flow touches. The table replaces discovery: two requests less, and no cache to go stale.
	kinds = map[reflect.Type]kind{
		reflect.TypeFor[corev1.Namespace]():                        {core.WithKind("Namespace"), "namespaces"},
		reflect.TypeFor[corev1.Secret]():                           {core.WithKind("Secret"), "secrets"},
		reflect.TypeFor[corev1.ServiceAccount]():                   {core.WithKind("ServiceAccount"), "serviceaccounts"},
		reflect.TypeFor[corev1.ConfigMap]():                        {core.WithKind("ConfigMap"), "configmaps"},
		reflect.TypeFor[corev1.Event]():                            {core.WithKind("Event"), "events"},
		reflect.TypeFor[corev1.Pod]():                              {core.WithKind("Pod"), "pods"},
		reflect.TypeFor[rbacv1.ClusterRole]():                      {rbac.WithKind("ClusterRole"), "clusterroles"},
		reflect.TypeFor[rbacv1.ClusterRoleBinding]():               {rbac.WithKind("ClusterRoleBinding"), "clusterrolebindings"},
		reflect.TypeFor[rbacv1.Role]():                             {rbac.WithKind("Role"), "roles"},
		reflect.TypeFor[rbacv1.RoleBinding]():                      {rbac.WithKind("RoleBinding"), "rolebindings"},
		reflect.TypeFor[authorizationv1.SubjectAccessReview]():     {auth.WithKind("SubjectAccessReview"), "subjectaccessreviews"},
		reflect.TypeFor[authorizationv1.SelfSubjectAccessReview](): {auth.WithKind("SelfSubjectAccessReview"), "selfsubjectaccessreviews"},
		reflect.TypeFor[authorizationv1.SelfSubjectRulesReview]():  {auth.WithKind("SelfSubjectRulesReview"), "selfsubjectrulesreviews"},
		reflect.TypeFor[authenticationv1.SelfSubjectReview]():      {authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), "selfsubjectreviews"},
	}
)

func kindOf(o Object) (kind, error) {
	t := reflect.TypeOf(o)
	if t == nil || t.Kind() != reflect.Pointer {
		return kind{}, fmt.Errorf("kube: %T is not a pointer to an API object", o)
	}
	if k, ok := kinds[t.Elem()]; ok {
		return k, nil
	}
	// Reads of other kinds name theirs.
	if gvk := o.GetObjectKind().GroupVersionKind(); gvk.Version != "" && gvk.Kind != "" {
		return kind{gvk, plural(gvk)}, nil
	}
	return kind{}, fmt.Errorf("kube: kind of %T is not in the table", o)
}

// plural guesses the resource by the rules of English, as the kinds of Kubernetes and Istio allow. Apimachinery's own guess
// makes "gatewaies" of a Gateway.
func plural(gvk schema.GroupVersionKind) string {
	if strings.HasSuffix(gvk.Kind, "ay") {
		return strings.ToLower(gvk.Kind) + "s"
	}
	guess, _ := meta.UnsafeGuessKindToResource(gvk)
	return guess.Resource
}

// Kind is the Kubernetes kind of o, for example "ClusterRole"; the Go type where the table does not know it.
func Kind(o Object) string {
	k, err := kindOf(o)
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	return k.gvk.Kind
}

// Resource is the plural that the API server knows the kind of o by, for example "clusterroles".
func Resource(o Object) string {
	k, err := kindOf(o)
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	return k.resource
}

// Group is the API group of the kind of o, for example "rbac.authorization.k8s.io"; "" is the core group, and that of a kind
// that is not known.
func Group(o Object) string {
	k, err := kindOf(o)
	if err != nil {
		return ""
	}
	return k.gvk.Group
}
