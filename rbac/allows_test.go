package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

func rule(verbs, groups, resources []string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: groups, Resources: resources, ResourceNames: names}
}

func urls(verb string, urls ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: []string{verb}, NonResourceURLs: urls}
}

func l(values ...string) []string { return values }

func TestAllows(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rule   rbacv1.PolicyRule
		allows []rbac.Access
		denies []rbac.Access
	}{
		{
			"exact", rule(l("get", "list"), l("", "apps"), l("pods", "deployments")),
			[]rbac.Access{{Verb: "list", Resource: "pods"}, {Verb: "get", Group: "apps", Resource: "deployments", Namespace: "a", Name: "b"}},
			[]rbac.Access{
				{},
				{Verb: "watch", Resource: "pods"},
				{Verb: "LIST", Resource: "pods"},
				{Verb: "list", Group: "batch", Resource: "pods"},
				{Verb: "list", Resource: "nodes"},
				{Verb: "get", Resource: "pods", Subresource: "log"},
				{Verb: "get", Path: "/healthz"},
			},
		},
		{
			"stars", rule(l("*"), l("*"), l("*")),
			[]rbac.Access{{Verb: "made-up", Group: "any.io", Resource: "things", Subresource: "part", Name: "x"}, {Verb: "*", Group: "*", Resource: "*"}},
			[]rbac.Access{{Verb: "get", Path: "/healthz"}},
		},
		{
			"subresource of all", rule(l("get"), l("apps"), l("*/scale")),
			[]rbac.Access{{Verb: "get", Group: "apps", Resource: "deployments", Subresource: "scale"}, {Verb: "get", Group: "apps", Resource: "*", Subresource: "scale"}},
			[]rbac.Access{
				{Verb: "get", Group: "apps", Resource: "deployments"},
				{Verb: "get", Group: "apps", Resource: "deployments", Subresource: "status"},
				{Verb: "get", Group: "apps", Resource: "deployments", Subresource: "autoscale"},
			},
		},
		{
			"star as subresource stands for nothing", rule(l("get"), l(""), l("pods/*", "pods/log")),
			[]rbac.Access{{Verb: "get", Resource: "pods", Subresource: "*"}, {Verb: "get", Resource: "pods", Subresource: "log"}},
			[]rbac.Access{{Verb: "get", Resource: "pods", Subresource: "exec"}, {Verb: "get", Resource: "pods"}},
		},
		{
			"resource names", rule(l("get", "list"), l(""), l("configmaps"), "istio", "istio-canary"),
			[]rbac.Access{{Verb: "get", Resource: "configmaps", Name: "istio"}, {Verb: "list", Resource: "configmaps", Name: "istio-canary"}},
			[]rbac.Access{{Verb: "list", Resource: "configmaps"}, {Verb: "get", Resource: "configmaps", Name: "other"}},
		},
		{
			"URLs", urls("get", "/healthz", "/api/*", "/metrics**"),
			[]rbac.Access{{Verb: "get", Path: "/healthz"}, {Verb: "get", Path: "/api/v1"}, {Verb: "get", Path: "/api/"}, {Verb: "get", Path: "/metrics/cadvisor"}, {Verb: "get", Path: "/healthz", Resource: "ignored"}},
			[]rbac.Access{{Verb: "get", Path: "/api"}, {Verb: "get", Path: "/healthz/etcd"}, {Verb: "post", Path: "/healthz"}, {Verb: "get", Resource: "pods"}},
		},
		{
			"all URLs", urls("*", "*"),
			[]rbac.Access{{Verb: "delete", Path: "/any"}, {Verb: "get", Path: "any"}},
			[]rbac.Access{{Verb: "get", Resource: "pods"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rules := []rbacv1.PolicyRule{rule(l("none"), l("none"), l("none")), tc.rule}
			for _, a := range tc.allows {
				require.True(t, rbac.Allows(rules, a), a.String())
			}
			for _, a := range tc.denies {
				require.False(t, rbac.Allows(rules, a), a.String())
			}
			require.False(t, rbac.Allows(nil, tc.allows[0]))
		})
	}
}

// A request takes all of its rights from one rule; halves in two do not add up.
func TestAllowsTakesOneRule(t *testing.T) {
	halves := []rbacv1.PolicyRule{rule(l("get"), l(""), l("nodes")), rule(l("list"), l(""), l("pods"))}
	require.False(t, rbac.Allows(halves, rbac.Access{Verb: "list", Resource: "nodes"}))
}
