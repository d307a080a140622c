package rbactest

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// questions are what an API server asks its authorizer about a request, in order: whether the subject may impersonate
// each part of whom it names, and whether that one may do what is asked (Kubernetes apiserver
// pkg/endpoints/filters/impersonation).
func questions(req *http.Request, subject rbac.Subject) ([]question, error) {
	access, err := AccessOf(req)
	if err != nil {
		return nil, err
	}
	as := rbac.Subject{User: req.Header.Get(authenticationv1.ImpersonateUserHeader), Groups: req.Header.Values(authenticationv1.ImpersonateGroupHeader)}
	var asked []question
	impersonate := func(group, resource, subresource, namespace, name string) {
		asked = append(asked, question{subject, rbac.Access{
			Verb: "impersonate", Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
		}, true})
	}
	if namespace, name, ok := account(as.User); ok {
		impersonate("", "serviceaccounts", "", namespace, name)
	} else if as.User != "" {
		impersonate("", "users", "", "", as.User)
	}
	for _, group := range as.Groups {
		impersonate("", "groups", "", "", group)
	}
	if uid := req.Header.Get(authenticationv1.ImpersonateUIDHeader); uid != "" {
		impersonate(authenticationv1.GroupName, "uids", "", "", uid)
	}
	for _, header := range slices.Sorted(maps.Keys(req.Header)) {
		key, ok := strings.CutPrefix(header, authenticationv1.ImpersonateUserExtraHeaderPrefix)
		if !ok {
			continue
		}
		key = strings.ToLower(key)
		if plain, err := url.PathUnescape(key); err == nil {
			key = plain
		}
		for _, value := range req.Header[header] {
			impersonate(authenticationv1.GroupName, "userextras", key, "", value)
		}
	}
	switch {
	case len(asked) == 0:
		return []question{{subject, access, true}}, nil
	case as.User == "":
		return nil, errors.New("rbactest: the request impersonates a group, a UID or an extra without a user, which an API server refuses")
	}
	return append(asked, question{as, access, false}), nil
}

func account(user string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(user, "system:serviceaccount:")
	namespace, name, split := strings.Cut(rest, ":")
	return namespace, name, ok && split
}

// everyone is what all authenticated users may do by the roles that an API server makes (Kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go). A policy that has such a role speaks for itself.
func everyone(policy *rbac.Policy) (rules []rbacv1.PolicyRule) {
	get := func(urls ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: urls}
	}
	create := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"create"}, APIGroups: []string{group}, Resources: resources}
	}
	given := map[string]bool{}
	for _, o := range policy.Objects() {
		if role, ok := o.(*rbacv1.ClusterRole); ok {
			given[role.Name] = true
		}
	}
	for _, role := range []struct {
		name  string
		rules []rbacv1.PolicyRule
	}{
		{"system:basic-user", []rbacv1.PolicyRule{
			create("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
			create("authentication.k8s.io", "selfsubjectreviews"),
		}},
		{"system:discovery", []rbacv1.PolicyRule{
			get("/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*", "/api", "/api/*", "/apis", "/apis/*"),
		}},
		{"system:public-info-viewer", []rbacv1.PolicyRule{get("/livez", "/readyz", "/healthz", "/version", "/version/")}},
	} {
		if !given[role.name] {
			rules = append(rules, role.rules...)
		}
	}
	return rules
}

// rights takes rules apart into one for each verb of each thing.
func rights(rules []rbacv1.PolicyRule) (all []rbacv1.PolicyRule) {
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			one := rbacv1.PolicyRule{Verbs: []string{verb}}
			for _, path := range rule.NonResourceURLs {
				one.NonResourceURLs = []string{path}
				all = append(all, one)
			}
			one.NonResourceURLs = nil
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					one.APIGroups, one.Resources, one.ResourceNames = []string{group}, []string{resource}, nil
					if len(rule.ResourceNames) == 0 {
						all = append(all, one)
					}
					for _, name := range rule.ResourceNames {
						one.ResourceNames = []string{name}
						all = append(all, one)
					}
				}
			}
		}
	}
	return all
}
