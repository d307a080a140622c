package rbactest

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

// TB is what the assertions need of a test; *testing.T and *testing.B have it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Allows fails tb once for each access that the rules do not allow, as the RBAC authorizer decides (see
// [rbac.Allows]). It ends the test at an access that cannot be a request (see [rbac.Access.Validate]), and
// without an access.
func Allows(tb TB, rules []rbacv1.PolicyRule, accesses ...rbac.Access) {
	tb.Helper()
	if !askable(tb, "Allows", accesses) {
		return
	}
	for _, a := range accesses {
		if !rbac.Allows(rules, a) {
			tb.Errorf("rbactest: the rules do not allow: %s\nadd a rule: %s", a, rbac.Describe(a.Rule()))
		}
	}
}

// Denies fails tb once for each access that the rules allow, as the RBAC authorizer decides, and names the
// rule that does. An access to one object without its name, such as "get secrets", is denied only if it is
// under every name: rules with resourceNames count too.
//
// Denies ends the test if it would prove nothing: at an access that cannot be a request (see
// [rbac.Access.Validate]), without an access, and at rules that grant nothing at all, as those of an
// aggregated ClusterRole in a manifest (see [RulesOf]).
func Denies(tb TB, rules []rbacv1.PolicyRule, accesses ...rbac.Access) {
	tb.Helper()
	if !askable(tb, "Denies", accesses) || !granting(tb, "Denies", rules) {
		return
	}
	for _, a := range accesses {
		for i, rule := range rules {
			if rbac.Allows(rules[i:i+1], a) {
				tb.Errorf("rbactest: the rules allow: %s\nremove or narrow rules[%d]: %s", a, i, rbac.Describe(rule))
				continue
			}
			anyName := rule
			anyName.ResourceNames = nil
			if needsName(a) && rbac.Allows([]rbacv1.PolicyRule{anyName}, a) {
				tb.Errorf("rbactest: the rules allow: %s named %s\nremove or narrow rules[%d]: %s; or name the object in the access",
					a, strings.Join(rule.ResourceNames, ", "), i, rbac.Describe(rule))
			}
		}
	}
}

// NoWiderThan fails tb if the rules grant anything that limit does not, and
// lists it. The comparison is by meaning (see [rbac.Missing]). Rules that grant
// nothing at all end the test: see [RulesOf] for an aggregated ClusterRole.
func NoWiderThan(tb TB, rules, limit []rbacv1.PolicyRule) {
	tb.Helper()
	if !granting(tb, "NoWiderThan", rules) {
		return
	}
	extra := rbac.Extra(rules, limit)
	if len(extra) == 0 {
		return
	}
	lines := make([]string, len(extra))
	for i, rule := range extra {
		lines[i] = rbac.Describe(rule)
	}
	tb.Errorf("rbactest: the rules grant more than the limit:\n\t%s\nremove that from the rules, or add it to the limit if it is meant",
		strings.Join(lines, "\n\t"))
}

// RulesOf returns the rules of a Role or ClusterRole, or of the role that a binding refers to, for the
// other assertions. It ends the test if there are none. The roles are those that the object is aggregated
// from or refers to (see [rbac.RulesOf]).
func RulesOf(tb TB, object runtime.Object, roles ...runtime.Object) []rbacv1.PolicyRule {
	tb.Helper()
	rules, err := rbac.RulesOf(object, roles...)
	if err != nil {
		tb.Fatalf("rbactest: %v", err)
		return nil
	}
	return rules
}

// Access reads an access as kubectl auth can-i spells it, such as
// "get pods/log -n x" (see [rbac.ParseAccess]), and ends the test if it cannot.
func Access(tb TB, text string) rbac.Access {
	tb.Helper()
	a, err := rbac.ParseAccess(text)
	if err != nil {
		tb.Fatalf("rbactest: %v", err)
	}
	return a
}

// askable ends the test unless each access is one that a request can be.
func askable(tb TB, assertion string, accesses []rbac.Access) bool {
	tb.Helper()
	if len(accesses) == 0 {
		tb.Fatalf("rbactest: %s has no access to look at: give one, such as rbac.Access{Verb: \"list\", Resource: \"secrets\"}", assertion)
		return false
	}
	var faults []string
	for _, a := range accesses {
		if err := a.Validate(); err != nil {
			faults = append(faults, fmt.Sprintf("an API server cannot be asked for %q:\n\t%s", a.String(), strings.ReplaceAll(err.Error(), "\n", "\n\t")))
		}
	}
	if len(faults) > 0 {
		tb.Fatalf("rbactest: %s", strings.Join(faults, "\n"))
	}
	return len(faults) == 0
}

// granting ends the test at rules that grant nothing: whatever is asked of them, the answer proves nothing.
func granting(tb TB, assertion string, rules []rbacv1.PolicyRule) bool {
	tb.Helper()
	if _, err := rbac.RulesOf(&rbacv1.Role{Rules: rules}); err != nil {
		tb.Fatalf("rbactest: %s has no rules to look at: the %d rules given grant nothing\nif they are of an aggregated ClusterRole, a controller fills them in: "+
			"use rbactest.RulesOf with the ClusterRoles that it is aggregated from", assertion, len(rules))
		return false
	}
	return true
}

// needsName tells whether every request of this kind names an object.
func needsName(a rbac.Access) bool {
	ofMany := []string{"create", "list", "watch", "deletecollection"}
	return a.Path == "" && a.Name == "" && (!slices.Contains(ofMany, a.Verb) || a.ResourceAttributes().Subresource != "")
}
