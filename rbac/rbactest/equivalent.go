package rbactest

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// Equivalent fails tb if one list of rules grants what the other does not, and shows both ways what (see [rbac.Diff]).
// How rights are spread over the rules does not matter. Rules that grant nothing at all end the test.
func Equivalent(tb TB, got, want []rbacv1.PolicyRule) {
	tb.Helper()
	if !granting(tb, "Equivalent", got) || !granting(tb, "Equivalent", want) {
		return
	}
	differs(tb, "the rules do not grant what they should", rbac.Diff(want, got))
}

// PolicyEquivalent is [Equivalent] for policies: it fails tb if a subject may do by one policy what it may not by the other, and shows who and what (see
// [rbac.DiffPolicies]). What a role grants that neither policy has is not compared, nor are roles that nobody is bound to.
// A policy that binds nobody ends the test.
func PolicyEquivalent(tb TB, got, want *rbac.Policy) {
	tb.Helper()
	if !binding(tb, "PolicyEquivalent", got) || !binding(tb, "PolicyEquivalent", want) {
		return
	}
	differs(tb, "the policy does not grant what it should", rbac.DiffPolicies(want, got))
}

func differs(tb TB, fault string, d rbac.Difference) {
	tb.Helper()
	if !d.Empty() {
		tb.Errorf("rbactest: %s; + is too much, - is missing:\n%schange the roles, or what is compared with if it is meant", fault, indented(d))
	}
}

// PolicyNoWiderThan is [NoWiderThan] for policies: it fails tb if a subject may do anything that the limit does not let it
// do, and shows who and what (see [rbac.DiffPolicies]). A binding to a role that the policy does not have, such as
// cluster-admin, counts as wider unless the limit has the same. A policy that binds nobody ends the test.
func PolicyNoWiderThan(tb TB, p, limit *rbac.Policy) {
	tb.Helper()
	if !binding(tb, "PolicyNoWiderThan", p) {
		return
	}
	if limit == nil {
		tb.Fatalf("rbactest: PolicyNoWiderThan has no limit to compare with: give it a policy")
		return
	}
	d := rbac.DiffPolicies(limit, p)
	if !d.Widens() {
		return
	}
	for i := range d.Changes {
		d.Changes[i].Lost, d.Changes[i].LostRoles = nil, nil
	}
	d.Changes = slices.DeleteFunc(d.Changes, func(c rbac.Change) bool { return len(c.Won)+len(c.WonRoles) == 0 })
	tb.Errorf("rbactest: the policy grants more than the limit:\n%sremove that from the roles or bindings, or add it to the limit if it is meant", indented(d))
}

// binding ends the test at a policy that binds nobody: it grants nothing to compare.
func binding(tb TB, assertion string, p *rbac.Policy) bool {
	tb.Helper()
	if p == nil || len(p.Grants())+len(p.Dangling()) == 0 {
		tb.Fatalf("rbactest: %s has nothing to look at: the policy binds nobody to a role\nto compare roles without bindings, give their rules to Equivalent or NoWiderThan", assertion)
		return false
	}
	return true
}

func indented(d rbac.Difference) string {
	var b strings.Builder
	_ = d.WriteText(&b) // to memory
	return "\t" + strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\n", "\n\t") + "\n"
}
