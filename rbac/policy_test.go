package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func can(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{""}, Resources: []string{resource}}
}

func role(namespace, name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: meta(namespace, name), Rules: rules}
}

func clusterRole(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{ObjectMeta: meta("", name), Rules: rules}
}

func bound(namespace, name, kind, role string, subjects ...rbacv1.Subject) runtime.Object {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}
	if namespace == "" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: meta("", name), RoleRef: ref, Subjects: subjects}
	}
	return &rbacv1.RoleBinding{ObjectMeta: meta(namespace, name), RoleRef: ref, Subjects: subjects}
}

func account(namespace, name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "ServiceAccount", Namespace: namespace, Name: name}
}

func group(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "Group", Name: name} }

func user(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "User", Name: name} }

func policyOf(t *testing.T, objects ...runtime.Object) *rbac.Policy {
	t.Helper()
	p, err := rbac.NewPolicy(objects...)
	require.NoError(t, err)
	return p
}

func shop(t *testing.T) *rbac.Policy {
	return policyOf(t,
		clusterRole("pods", can("pods", "get", "list")),
		clusterRole("health", rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}}),
		role("shop", "secrets", can("secrets", "get")),
		bound("shop", "cart-reads", "ClusterRole", "pods", account("", "cart")),
		bound("shop", "cart-secrets", "Role", "secrets", user("system:serviceaccount:shop:cart")),
		bound("shop", "all-health", "ClusterRole", "health", group("system:authenticated")),
		bound("", "everyone", "ClusterRole", "health", group("system:serviceaccounts:shop")),
		bound("", "nobody", "ClusterRole", "view", group("team")),
		bound("bank", "team-edits", "ClusterRole", "edit", group("team"), group("team"), user("jane")),
		&corev1.ServiceAccount{ObjectMeta: meta("shop", "cart")},
	)
}

func TestPolicyAllows(t *testing.T) {
	p := shop(t)
	cart, jane := rbac.ServiceAccount("shop", "cart"), rbac.Subject{User: "jane", Groups: []string{"team"}}
	for name, tc := range map[string]struct {
		s    rbac.Subject
		ask  string
		want string // the binding; "" is denied
	}{
		"ClusterRole in the namespace":       {cart, "list pods -n shop", "RoleBinding shop/cart-reads"},
		"not in another one":                 {cart, "list pods -n bank", ""},
		"not everywhere":                     {cart, "list pods", ""},
		"account as a user":                  {cart, "get secrets x -n shop", "RoleBinding shop/cart-secrets"},
		"path for a group of accounts":       {cart, "get /healthz", "ClusterRoleBinding everyone"},
		"no path by a RoleBinding":           {jane, "get /healthz", ""},
		"account of another namespace":       {rbac.ServiceAccount("bank", "cart"), "list pods -n shop", ""},
		"a role that is not there":           {jane, "list pods -n bank", ""},
		"masters":                            {rbac.Subject{User: "root", Groups: []string{"system:masters"}}, "delete nodes", "ObjectRef"},
		"nobody":                             {rbac.Subject{}, "list pods -n shop", ""},
		"a group of the same name as a user": {rbac.Subject{User: "team"}, "list pods -n bank", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := rbac.ParseAccess(tc.ask)
			require.NoError(t, err)
			d := p.Allows(tc.s, a)
			require.Equal(t, tc.want != "", d.Allowed, d.Reason)
			require.NotEmpty(t, d.Reason)
			if tc.want != "" && tc.want != "ObjectRef" {
				require.Equal(t, tc.want, d.Binding.String())
				require.True(t, rbac.Allows([]rbacv1.PolicyRule{d.Rule}, a))
				require.Contains(t, d.Reason, tc.want)
			}
		})
	}
	require.Equal(t, map[string]int{"v1.ServiceAccount": 1}, p.Skipped())
}
