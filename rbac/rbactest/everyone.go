package rbactest

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

// everyone is the policy of the roles that an API server makes for whole kinds of users (Kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go). Of those that policy has too, it speaks for itself.
func everyone(tb TB, policy *rbac.Policy) *rbac.Policy {
	tb.Helper()
	given := map[string]bool{}
	for _, o := range policy.Objects() {
		if role, ok := o.(*rbacv1.ClusterRole); ok {
			given[role.Name] = true
		}
	}
	get := func(urls ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: urls}
	}
	create := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"create"}, APIGroups: []string{group}, Resources: resources}
	}
	var objects []runtime.Object
	add := func(name string, groups []string, rules ...rbacv1.PolicyRule) {
		if given[name] {
			return
		}
		meta := metav1.ObjectMeta{Name: name}
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}}
		for _, group := range groups {
			binding.Subjects = append(binding.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group})
		}
		objects = append(objects, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, binding)
	}
	const authenticated = "system:authenticated"
	add("system:basic-user", []string{authenticated},
		create("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
		create("authentication.k8s.io", "selfsubjectreviews"))
	add("system:discovery", []string{authenticated},
		get("/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*", "/api", "/api/*", "/apis", "/apis/*"))
	add("system:public-info-viewer", []string{authenticated, "system:unauthenticated"},
		get("/livez", "/readyz", "/healthz", "/version", "/version/"))
	add("system:service-account-issuer-discovery", []string{"system:serviceaccounts"},
		get("/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"))
	all, err := rbac.NewPolicy(objects...)
	if err != nil {
		tb.Fatalf("rbactest: %v", err)
	}
	return all
}
