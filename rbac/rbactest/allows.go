package rbactest

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// TB is what the assertions need of a test; *testing.T and *testing.B have it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Allows fails tb, once for each, at accesses that the rules do not allow by
// the decision of the RBAC authorizer (see [rbac.Allows]).
func Allows(tb TB, rules []rbacv1.PolicyRule, accesses ...rbac.Access) {
	tb.Helper()
	for _, a := range accesses {
		if !rbac.Allows(rules, a) {
			tb.Errorf("rbactest: the rules do not allow: %s\nadd a rule: %s", a, rbac.Describe(ruleFor(a)))
		}
	}
}

// ruleFor is the narrowest rule that allows a.
func ruleFor(a rbac.Access) rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{Verbs: []string{a.Verb}}
	if a.Path != "" {
		rule.NonResourceURLs = []string{a.Path}
		return rule
	}
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	rule.APIGroups, rule.Resources = []string{a.Group}, []string{resource}
	if a.Name != "" {
		rule.ResourceNames = []string{a.Name}
	}
	return rule
}
