package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Decision is the answer of [Policy.Allows].
type Decision struct {
	Allowed bool
	// Reason says why, in one sentence, for a person.
	Reason string

	// Binding, Role and Rule are those that allow the access, the first in the order
	// of [Policy.Grants]; zero if it is denied. RuleIndex is the position of the
	// rule in those of the Grant.
	Binding, Role ObjectRef
	Rule          rbacv1.PolicyRule
	RuleIndex     int

	// Dangling are bindings of the subject that count for this access and whose role
	// the policy does not have. If the access is denied, such a role may allow it.
	Dangling []Dangling
}

// Allows decides whether a subject has an access, as the RBAC authorizer does
// (Kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go): a ClusterRoleBinding
// counts everywhere, a RoleBinding for requests in its namespace. An Access without
// Namespace is to all namespaces, or to what is in none: RoleBindings do not allow
// it. A Path has no namespace.
//
// The subject has its groups and those of [Subject.AllGroups]. Members of
// system:masters may do everything without a binding, as an API server asks no
// authorizer about them.
//
// Call [Access.Validate] first on what a person wrote: a request that cannot be is
// denied, which proves nothing.
func (p *Policy) Allows(s Subject, a Access) Decision {
	a = a.split()
	if slices.Contains(s.Groups, mastersGroup) {
		return Decision{Allowed: true, Reason: "members of " + mastersGroup + " may do everything: an API server does not ask RBAC about them"}
	}
	var d Decision
	keys := s.keys()
	for _, namespace := range scopes(a) {
		for _, i := range under(p.granted[namespace], keys) {
			g := p.grants[i]
			if at := slices.IndexFunc(g.Rules, func(r rbacv1.PolicyRule) bool { return ruleAllows(r, a) }); at >= 0 {
				return Decision{
					Allowed: true, Binding: g.Binding, Role: g.Role, Rule: g.Rules[at], RuleIndex: at,
					Reason: fmt.Sprintf("%s binds %s to %s, whose rules[%d] allows it: %s", g.Binding, describeSubject(g.Subject), g.Role, at, Describe(g.Rules[at])),
				}
			}
		}
		for _, i := range slices.Compact(under(p.unknown[namespace], keys)) {
			d.Dangling = append(d.Dangling, p.dangling[i])
		}
	}
	d.Reason = p.denial(s, d.Dangling)
	return d
}

func (p *Policy) denial(s Subject, dangling []Dangling) string {
	if s.empty() {
		return "nobody asks: the subject has neither a user nor a group"
	}
	if len(dangling) == 0 {
		return "no rule that " + s.String() + " has allows it"
	}
	var lacking []string
	for _, d := range dangling {
		lacking = append(lacking, d.String())
	}
	return "no rule that " + s.String() + " is known to have allows it, but " + strings.Join(lacking, "; ")
}

// WhoCan returns the grants that allow an access, in the order of [Policy.Grants],
// each with those rules that do. An Access without Namespace is allowed by
// grants that hold everywhere only. Members of system:masters may do everything
// and are not listed.
func (p *Policy) WhoCan(a Access) []Grant {
	a = a.split()
	var can []Grant
	for _, g := range p.grants {
		if !slices.Contains(scopes(a), g.Namespace) {
			continue
		}
		g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(r rbacv1.PolicyRule) bool { return !ruleAllows(r, a) })
		if len(g.Rules) > 0 {
			can = append(can, g)
		}
	}
	return can
}

// Rules returns the rules that a subject has in a namespace, those that hold
// everywhere first, in the order of [Policy.Grants]; in "" only those. A role that
// is bound twice counts once. [Allows] with them decides as Policy.Allows does, but
// for Paths, which only those that hold everywhere allow.
func (p *Policy) Rules(s Subject, namespace string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	seen := map[ObjectRef]bool{}
	keys := s.keys()
	for _, in := range scopes(Access{Namespace: namespace}) {
		for _, i := range under(p.granted[in], keys) {
			g := p.grants[i]
			if !seen[g.Role] {
				seen[g.Role] = true
				rules = append(rules, g.Rules...)
			}
		}
	}
	return rules
}

// scopes are the namespaces whose bindings count for an access; "" is of those that count everywhere.
func scopes(a Access) []string {
	if a.Namespace == "" || a.Path != "" {
		return []string{""}
	}
	return []string{"", a.Namespace}
}

// under returns what is listed under any of the keys, sorted.
func under(lists map[string][]int, keys []string) []int {
	var all []int
	for _, key := range keys {
		all = append(all, lists[key]...)
	}
	slices.Sort(all)
	return all
}

func describeSubject(s rbacv1.Subject) string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return s.Kind + " " + s.Namespace + "/" + s.Name
	}
	return s.Kind + " " + s.Name
}

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
