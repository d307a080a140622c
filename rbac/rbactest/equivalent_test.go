package rbactest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

func on(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{""}, Resources: []string{resource}}
}

func TestEquivalent(t *testing.T) {
	type rules = []rbacv1.PolicyRule
	tb := &fakeTB{}
	rbactest.Equivalent(tb, rules{on("pods", "get", "list")}, rules{on("pods", "list"), on("pods", "get")})
	require.Equal(t, &fakeTB{}, tb)

	rbactest.Equivalent(tb, rules{on("secrets", "list"), on("pods", "get")}, rules{on("pods", "get", "watch")})
	require.Equal(t, []string{"rbactest: the rules do not grant what they should; + is too much, - is missing:\n" +
		"\t+ list secrets (danger: secrets-read)\n\t- watch pods\nchange the roles, or what is compared with if it is meant"}, tb.errors)
	require.Empty(t, tb.fatals)

	for _, pair := range [][2]rules{{nil, {on("pods", "get")}}, {{on("pods", "get")}, {{Verbs: []string{"get"}}}}, {nil, nil}} {
		tb := &fakeTB{}
		rbactest.Equivalent(tb, pair[0], pair[1])
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], "Equivalent has no rules to look at")
		require.Empty(t, tb.errors)
	}
}

// jane is a policy of which jane is the only subject.
func jane(t *testing.T, namespace string, rules ...rbacv1.PolicyRule) *rbac.Policy {
	t.Helper()
	ref := rbacv1.RoleRef{Kind: "ClusterRole", Name: "r"}
	subjects := []rbacv1.Subject{{Kind: "User", Name: "jane"}}
	var binding runtime.Object = &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}, RoleRef: ref, Subjects: subjects}
	if namespace != "" {
		binding = &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b"}, RoleRef: ref, Subjects: subjects}
	}
	objects := []runtime.Object{binding}
	if len(rules) > 0 {
		objects = append(objects, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Rules: rules})
	}
	p, err := rbac.NewPolicy(objects...)
	require.NoError(t, err)
	return p
}

func TestPolicyEquivalent(t *testing.T) {
	tb := &fakeTB{}
	rbactest.PolicyEquivalent(tb, jane(t, "", on("pods", "get", "list")), jane(t, "", on("pods", "list"), on("pods", "get")))
	rbactest.PolicyEquivalent(tb, jane(t, ""), jane(t, ""))
	require.Equal(t, &fakeTB{}, tb)

	rbactest.PolicyEquivalent(tb, jane(t, "", on("pods", "get")), jane(t, "shop", on("pods", "get", "list")))
	require.Equal(t, []string{"rbactest: the policy does not grant what it should; + is too much, - is missing:\n" +
		"\tUser jane, everywhere:\n\t+ get pods\n\tUser jane, in namespace shop:\n\t- list pods\nchange the roles, or what is compared with if it is meant"}, tb.errors)
}

func TestPolicyNoWiderThan(t *testing.T) {
	tb := &fakeTB{}
	rbactest.PolicyNoWiderThan(tb, jane(t, "shop", on("pods", "get")), jane(t, "", on("pods", "get", "list")))
	rbactest.PolicyNoWiderThan(tb, jane(t, ""), jane(t, ""))
	require.Equal(t, &fakeTB{}, tb)

	rbactest.PolicyNoWiderThan(tb, jane(t, "", on("pods", "get")), jane(t, "shop", on("pods", "get"), on("nodes", "get")))
	rbactest.PolicyNoWiderThan(tb, jane(t, ""), jane(t, "", on("pods", "get")))
	require.Equal(t, []string{
		"rbactest: the policy grants more than the limit:\n\tUser jane, everywhere:\n\t+ get pods\nremove that from the roles or bindings, or add it to the limit if it is meant",
		"rbactest: the policy grants more than the limit:\n\tUser jane, everywhere:\n\t+ whatever ClusterRole r grants, which the policy does not have\nremove that from the roles or bindings, or add it to the limit if it is meant",
	}, tb.errors, "what a role that is not there grants is not known")
}

func TestPoliciesThatBindNobodyEndTheTest(t *testing.T) {
	nobody, err := rbac.NewPolicy(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Rules: secretRules})
	require.NoError(t, err)
	somebody := jane(t, "", on("pods", "get"))
	for name, assert := range map[string]func(rbactest.TB){
		"equivalent, nobody":    func(tb rbactest.TB) { rbactest.PolicyEquivalent(tb, nobody, nobody) },
		"equivalent to nobody":  func(tb rbactest.TB) { rbactest.PolicyEquivalent(tb, somebody, nobody) },
		"equivalent to nothing": func(tb rbactest.TB) { rbactest.PolicyEquivalent(tb, somebody, nil) },
		"no wider, nobody":      func(tb rbactest.TB) { rbactest.PolicyNoWiderThan(tb, nobody, somebody) },
		"no wider, nothing":     func(tb rbactest.TB) { rbactest.PolicyNoWiderThan(tb, nil, somebody) },
		"no limit":              func(tb rbactest.TB) { rbactest.PolicyNoWiderThan(tb, somebody, nil) },
	} {
		tb := &fakeTB{}
		assert(tb)
		require.Len(t, tb.fatals, 1, name)
		require.Empty(t, tb.errors, name)
	}
}
