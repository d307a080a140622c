package rbactest

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// known ends the test at a subject that no binding names: whatever is asked for it is denied.
func known(tb TB, p *rbac.Policy, s rbac.Subject) bool {
	tb.Helper()
	if p == nil || len(p.Objects()) == 0 {
		tb.Fatalf("rbactest: the policy has no role and no binding: whatever is asked of it is denied")
		return false
	}
	if fault := stranger(p, s); fault != "" {
		tb.Fatalf("rbactest: %s", fault)
		return false
	}
	return true
}

// stranger says why a subject is none that the policy knows; "" if it is one.
func stranger(p *rbac.Policy, s rbac.Subject) string {
	if s.User == "" && len(s.Groups) == 0 {
		return "the subject is empty: give it a user or a group"
	}
	if s.User == rbac.Anonymous().User || slices.ContainsFunc(s.Groups, builtin) {
		return "" // these every cluster has
	}
	named := rbac.Subject{User: s.User}
	var bound []string
	for _, subject := range subjects(p) {
		byGroup := subject.Kind == rbacv1.GroupKind && slices.Contains(s.Groups, subject.Name)
		if byGroup || subject.Kind != rbacv1.GroupKind && named.Is(subject) {
			return ""
		}
		bound = append(bound, describe(subject))
	}
	return fmt.Sprintf("no binding names %s, and to deny a stranger proves nothing\nbound are: %s\nif a stranger is meant, name the groups that he is in: rbac.Subject{User: %q, Groups: %q}",
		s, strings.Join(bound, ", "), s.User, s.AllGroups())
}

// builtin tells whether a group is one that Kubernetes gives.
func builtin(group string) bool { return strings.HasPrefix(group, "system:") }

// subjects are those of all bindings, sorted, each once.
func subjects(p *rbac.Policy) []rbacv1.Subject {
	var all []rbacv1.Subject
	for _, o := range p.Objects() {
		switch b := o.(type) {
		case *rbacv1.RoleBinding:
			all = append(all, b.Subjects...)
		case *rbacv1.ClusterRoleBinding:
			all = append(all, b.Subjects...)
		}
	}
	slices.SortFunc(all, func(a, b rbacv1.Subject) int { return strings.Compare(describe(a), describe(b)) })
	return slices.Compact(all)
}

func describe(s rbacv1.Subject) string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return s.Kind + " " + s.Namespace + "/" + s.Name
	}
	return s.Kind + " " + s.Name
}

// vacuous says why the denial of an access proves nothing; "" if it proves something.
func vacuous(p *rbac.Policy, a rbac.Access) string {
	if a.Path != "" {
		if servedPath(a.Path) || len(p.WhoCan(a)) > 0 {
			return ""
		}
		return "no rule allows the path to anybody, and it is none that API servers have; correct it, or ask for a path that a rule names"
	}
	if a.Namespace != "" && !slices.Contains(namespaces(p), a.Namespace) {
		return fmt.Sprintf("namespace %s occurs nowhere in the policy; correct it, or drop it to ask for every namespace", a.Namespace)
	}
	if a.Known() || named(p, a) {
		return ""
	}
	return fmt.Sprintf("%s is in no rule of the policy, nor is it a known resource; correct it, or add a role that names it", rbac.Describe(a.Rule()))
}

// named tells whether some role names the resource in its group, with the subresource if there is one.
func named(p *rbac.Policy, a rbac.Access) bool {
	r := a.ResourceAttributes()
	resource := strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/")
	names := func(rules []rbacv1.PolicyRule) bool {
		return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.APIGroups, r.Group) && slices.Contains(rule.Resources, resource)
		})
	}
	for _, o := range p.Objects() {
		switch role := o.(type) {
		case *rbacv1.Role:
			if names(role.Rules) {
				return true
			}
		case *rbacv1.ClusterRole:
			if names(role.Rules) {
				return true
			}
		}
	}
	return false
}

// namespaces are those that the policy names, and those that every cluster has.
func namespaces(p *rbac.Policy) []string {
	all := append(p.Namespaces(), "default", "kube-system", "kube-public", "kube-node-lease")
	for _, s := range subjects(p) {
		all = append(all, s.Namespace)
	}
	for _, o := range p.Objects() {
		if role, ok := o.(*rbacv1.Role); ok {
			all = append(all, role.Namespace)
		}
	}
	return all
}

// servedPath tells whether API servers have something at the path (Kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, and /metrics, /logs and /debug).
func servedPath(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"", "api", "apis", "debug", "healthz", "livez", "logs", "metrics", "openapi", "openid", ".well-known", "readyz", "version", "statusz", "flagz"}, first)
}
