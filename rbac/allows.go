package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Access is one request to an API server, in the terms of a
// SubjectAccessReview.
type Access struct {
	// Verb is the API verb in lower case, such as "list"; for a Path the HTTP
	// method in lower case.
	Verb string

	Group       string // API group; "" is the core group
	Resource    string // plural, such as "pods"; without the subresource
	Subresource string // such as "log"
	// Namespace narrows no rule: a rule bound by a ClusterRoleBinding holds in
	// all of them. It is carried for messages and reviews.
	Namespace string
	Name      string // of the object; "" for list, watch, create and deletecollection

	// Path is the URL of a request for no resource, such as "/healthz". If it
	// is set, of the other fields only Verb counts.
	Path string
}

// String returns the access for messages: "list pods in namespace a",
// "get deployments.apps/scale named b".
func (a Access) String() string {
	if a.Path != "" {
		return a.Verb + " " + a.Path
	}
	s := a.Verb + " " + qualify(a.Group, a.Resource, a.Subresource)
	if a.Name != "" {
		s += " named " + a.Name
	}
	if a.Namespace != "" {
		s += " in namespace " + a.Namespace
	}
	return s
}

// Allows tells whether the RBAC authorizer lets a subject that has just these
// rules, through a ClusterRoleBinding, do a (Kubernetes
// plugin/pkg/auth/authorizer/rbac/rbac.go, RuleAllows). Other authorizers of a
// real API server are not asked.
func Allows(rules []rbacv1.PolicyRule, a Access) bool {
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
