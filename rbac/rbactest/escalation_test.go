package rbactest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

func can(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{""}, Resources: []string{resource}}
}

func roleBinding(namespace, clusterRole string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: clusterRole}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: clusterRole},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "shop", Name: "cart"}},
	}
}

func cartWith(t *testing.T, namespace string, rules ...rbacv1.PolicyRule) *rbac.Policy {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "r"}, RoleRef: roleBinding("", "r").RoleRef, Subjects: roleBinding("", "r").Subjects}
	p, err := rbac.NewPolicy(labelled("r", "x", rules...), binding)
	if namespace != "" {
		p, err = rbac.NewPolicy(labelled("r", "x", rules...), roleBinding(namespace, "r"))
	}
	require.NoError(t, err)
	return p
}

// Each way is found everywhere and in one namespace, and each of its accesses alone opens it.
func TestNoEscalation(t *testing.T) {
	for _, tc := range []struct{ way, verb, group, resource string }{
		{"token-create", "create", "", "serviceaccounts/token"},
		{"bind", "bind", "rbac.authorization.k8s.io", "clusterroles"},
		{"bind", "bind", "rbac.authorization.k8s.io", "roles"},
		{"escalate", "escalate", "rbac.authorization.k8s.io", "clusterroles"},
		{"impersonate", "impersonate", "", "users"},
		{"impersonate", "impersonate", "", "serviceaccounts"},
		{"impersonate", "impersonate", "authentication.k8s.io", "userextras/scopes"},
		{"pods-exec", "create", "", "pods/exec"},
		{"pods-exec", "get", "", "pods/exec"},
		{"pods-exec", "patch", "", "pods/ephemeralcontainers"},
		{"secrets-read", "list", "", "secrets"},
		{"secrets-read", "watch", "", "secrets"},
		{"secrets-read", "get", "", "secrets"},
		{"nodes-proxy", "get", "", "nodes/proxy"},
		{"pods-create", "create", "", "pods"},
		{"pods-create", "patch", "apps", "deployments"},
		{"pods-create", "create", "batch", "cronjobs"},
		{"persistentvolumes-create", "create", "", "persistentvolumes"},
		{"webhooks-write", "patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"},
		{"csr-approve", "update", "certificates.k8s.io", "certificatesigningrequests/approval"},
		{"namespaces-write", "patch", "", "namespaces"},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			rule := rbacv1.PolicyRule{Verbs: []string{tc.verb}, APIGroups: []string{tc.group}, Resources: []string{tc.resource}}
			p := cartWith(t, "", rule)
			tb := &fakeTB{}
			rbactest.NoEscalation(tb, p, cart)
			require.Len(t, tb.errors, 1)
			require.Contains(t, tb.errors[0], fmt.Sprintf("rbactest: more rights by way of %q (", tc.way))
			require.Contains(t, tb.errors[0], "ClusterRoleBinding r binds ServiceAccount shop/cart to ClusterRole r, whose rules[0] allows it")
			require.Contains(t, tb.errors[0], fmt.Sprintf("or except %q if it is meant", tc.way))
			tb = &fakeTB{}
			rbactest.NoEscalation(tb, p, cart, tc.way)
			require.Equal(t, &fakeTB{}, tb)
		})
	}

	tb := &fakeTB{}
	everything := rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
	rbactest.NoEscalation(tb, cartWith(t, "", everything), cart)
	require.Len(t, tb.errors, 12, "all of them")

	tb = &fakeTB{}
	rbactest.NoEscalation(tb, cartWith(t, "far", can("secrets", "get")), cart)
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "can get secrets in namespace far")

	tb = &fakeTB{}
	rbactest.NoEscalation(tb, cartWith(t, "shop", can("pods", "get", "list", "delete")), cart, "pods-exec")
	require.Equal(t, []string{`rbactest: ServiceAccount shop/cart can no longer get more rights by way of "pods-exec": drop the exception`}, tb.errors)
}

func TestMutate(t *testing.T) {
	p := shop(t)
	check := func(tb rbactest.TB, p *rbac.Policy) {
		rbactest.Can(tb, p, cart, rbactest.Access(tb, "list pods -n shop"), rbactest.Access(tb, "get orders.shop.example.com x -n shop"))
		rbactest.Can(tb, p, prom, rbactest.Access(tb, "get /stats"))
	}
	tb := &fakeTB{}
	rbactest.Mutate(tb, p, check)
	require.Equal(t, []string{"rbactest: nothing in the check fails without rules[1] of Role shop/cart: get secrets named cart-key\nadd an assertion that needs the rule, or drop the rule"}, tb.errors)
	require.Empty(t, tb.fatals)

	tb = &fakeTB{}
	rbactest.Mutate(tb, p, func(tb rbactest.TB, p *rbac.Policy) {
		check(tb, p)
		if !p.Allows(cart, rbactest.Access(t, "get secrets cart-key -n shop")).Allowed {
			tb.Fatalf("no secret")
		}
		tb.Helper()
	})
	require.Equal(t, &fakeTB{}, tb)

	for want, check := range map[string]func(rbactest.TB, *rbac.Policy){
		"the check fails with the whole policy already: no": func(tb rbactest.TB, _ *rbac.Policy) { tb.Errorf("no") },
		"the check fails with the whole policy already: so": func(tb rbactest.TB, _ *rbac.Policy) {
			tb.Fatalf("so")
			panic("Fatalf ends the check")
		},
	} {
		tb := &fakeTB{}
		rbactest.Mutate(tb, p, check)
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], want)
	}
	require.PanicsWithValue(t, "user", func() { rbactest.Mutate(&fakeTB{}, p, func(rbactest.TB, *rbac.Policy) { panic("user") }) })

	nobody, err := rbac.NewPolicy(labelled("r", "x", can("pods", "get")))
	require.NoError(t, err)
	tb = &fakeTB{}
	rbactest.Mutate(tb, nobody, func(rbactest.TB, *rbac.Policy) {})
	require.Equal(t, []string{"rbactest: Mutate has nothing to drop: no subject of the policy has a rule"}, tb.fatals)
}
