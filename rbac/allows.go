package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Allows tells whether the RBAC authorizer allows the access a to a subject that
// has these rules only, through a ClusterRoleBinding (Kubernetes
// plugin/pkg/auth/authorizer/rbac/rbac.go, RuleAllows). It does not ask the other
// authorizers of a real API server.
//
// "pods/log" in Resource counts as Resource and Subresource. Allows also decides
// an access that cannot be a request, and then usually returns false. Call
// [Access.Validate] first on what a test or a person wrote: without it, false does
// not mean denied.
func Allows(rules []rbacv1.PolicyRule, a Access) bool {
	a = a.split()
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool { return ruleAllows(rule, a) })
}

func ruleAllows(rule rbacv1.PolicyRule, a Access) bool {
	if !holds(rule.Verbs, a.Verb) {
		return false
	}
	if a.Path != "" {
		return slices.ContainsFunc(rule.NonResourceURLs, func(url string) bool { return urlMatches(url, a.Path) })
	}
	return holds(rule.APIGroups, a.Group) &&
		resourcesHold(rule.Resources, a) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.Name))
}

// holds: the star of verbs and groups stands for all of them.
func holds(values []string, value string) bool {
	return slices.Contains(values, "*") || slices.Contains(values, value)
}

// resourcesHold: "*" stands for all resources and subresources, "*/scale" for
// that subresource of all, "pods" for no subresource; "pods/*" stands for nothing.
func resourcesHold(resources []string, a Access) bool {
	if a.Subresource == "" {
		return holds(resources, a.Resource)
	}
	return holds(resources, a.Resource+"/"+a.Subresource) || slices.Contains(resources, "*/"+a.Subresource)
}

// urlMatches: a star at the end stands for any rest.
func urlMatches(url, path string) bool {
	return url == path || strings.HasSuffix(url, "*") && strings.HasPrefix(path, strings.TrimRight(url, "*"))
}
