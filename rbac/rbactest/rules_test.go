package rbactest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

var _ rbactest.TB = testing.TB(nil)

func rules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes", "pods"}},
		{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"nodes"}},
		{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}},
	}
}

func TestAllows(t *testing.T) {
	tb := &fakeTB{}
	rbactest.Allows(tb, rules(), rbac.Access{Verb: "list", Resource: "pods"}, rbac.Access{Verb: "get", Path: "/healthz"})
	require.Empty(t, tb.errors)

	for want, a := range map[string]rbac.Access{
		"rbactest: the rules do not allow: watch pods\nadd a rule: watch pods":                                                               {Verb: "watch", Resource: "pods"},
		"rbactest: the rules do not allow: get pods/log named a in namespace b\nadd a rule: get pods/log named a":                            {Verb: "get", Resource: "pods", Subresource: "log", Name: "a", Namespace: "b"},
		"rbactest: the rules do not allow: get /metrics\nadd a rule: get /metrics":                                                           {Verb: "get", Path: "/metrics"},
		"rbactest: the rules do not allow: create tokenreviews.authentication.k8s.io\nadd a rule: create tokenreviews.authentication.k8s.io": {Verb: "create", Group: "authentication.k8s.io", Resource: "tokenreviews"},
	} {
		tb := &fakeTB{}
		rbactest.Allows(tb, rules(), rbac.Access{Verb: "list", Resource: "pods"}, a)
		require.Equal(t, []string{want}, tb.errors)
		require.Empty(t, tb.fatals)
	}
}

// An access without a name is to any object: a rule for one name allows it.
func TestDeniesUnderEveryName(t *testing.T) {
	named := []rbacv1.PolicyRule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"secrets", "pods/log"}, ResourceNames: []string{"a", "b"}}}
	tb := &fakeTB{}
	rbactest.Denies(tb, named, rbac.Access{Verb: "list", Resource: "secrets"}, rbac.Access{Verb: "get", Resource: "secrets", Name: "c"}, rbac.Access{Verb: "create", Resource: "secrets"})
	require.Equal(t, &fakeTB{}, tb)

	rbactest.Denies(tb, named, rbac.Access{Verb: "get", Resource: "secrets"}, rbac.Access{Verb: "get", Resource: "pods/log"})
	require.Equal(t, []string{
		"rbactest: the rules allow: get secrets named a, b\nremove or narrow rules[0]: get,list secrets, pods/log named a, b; or name the object in the access",
		"rbactest: the rules allow: get pods/log named a, b\nremove or narrow rules[0]: get,list secrets, pods/log named a, b; or name the object in the access",
	}, tb.errors)
}

func TestDenies(t *testing.T) {
	tb := &fakeTB{}
	rbactest.Denies(tb, rules(), rbac.Access{Verb: "watch", Resource: "pods"}, rbac.Access{Verb: "get", Path: "/metrics"})
	require.Empty(t, tb.errors)

	rbactest.Denies(tb, rules(), rbac.Access{Verb: "list", Resource: "nodes"})
	require.Equal(t, []string{
		"rbactest: the rules allow: list nodes\nremove or narrow rules[0]: list nodes, pods",
		"rbactest: the rules allow: list nodes\nremove or narrow rules[1]: * nodes.*",
	}, tb.errors, "every rule that allows it has to go")
	require.Empty(t, tb.fatals)
}

func TestNoWiderThan(t *testing.T) {
	tb := &fakeTB{}
	rbactest.NoWiderThan(tb, rules(), rules())
	rbactest.NoWiderThan(tb, rules()[:1], []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}})
	require.Empty(t, tb.errors)

	rbactest.NoWiderThan(tb, rules(), rules()[:1])
	require.Equal(t, []string{"rbactest: the rules grant more than the limit:\n\t* nodes.*\n\tget /healthz\nremove that from the rules, or add it to the limit if it is meant"}, tb.errors)
	require.Empty(t, tb.fatals)
}
