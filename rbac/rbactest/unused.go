package rbactest

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// UnusedRule is a rule that no request needed.
type UnusedRule struct {
	rbacv1.PolicyRule
	Namespace string // that it holds in; "" is everywhere
}

// String returns the rule for messages: "list,watch pods in namespace a".
func (u UnusedRule) String() string {
	if u.Namespace == "" {
		return rbac.Describe(u.PolicyRule)
	}
	return rbac.Describe(u.PolicyRule) + " in namespace " + u.Namespace
}

// Unused returns the rules that no request has needed so far, in few rules, and of
// a rule only that part. What every authenticated user may do, no rule is needed
// for. A rule with a star counts as needed whatever of it was used.
func (e *Enforcer) Unused() (unused []UnusedRule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	everywhere := e.policy.Rules(e.subject, "")
	for _, namespace := range append([]string{""}, e.policy.Namespaces()...) {
		rules := everywhere
		if namespace != "" {
			rules = e.policy.Rules(e.subject, namespace)[len(everywhere):]
		}
		idle := slices.DeleteFunc(rights(rules), func(right rbacv1.PolicyRule) bool { return e.used(right, namespace) })
		for _, rule := range rbac.Missing(nil, idle) {
			unused = append(unused, UnusedRule{rule, namespace})
		}
	}
	return unused
}

// used tells whether a request needed the right, which holds in a namespace or everywhere.
func (e *Enforcer) used(right rbacv1.PolicyRule, namespace string) bool {
	for a := range e.allowed {
		if (namespace == "" || namespace == a.Namespace && a.Path == "") && rbac.Allows([]rbacv1.PolicyRule{right}, a) {
			return true
		}
	}
	return false
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
