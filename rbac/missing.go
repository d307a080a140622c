package rbac

import rbacv1 "k8s.io/api/rbac/v1"

// Missing returns what want asks for and granted lacks, in the order of want and in
// few rules; nil if nothing. It is empty exactly if an account with the rules
// granted may do all that want allows. An account with granted and the result may
// always do so.
//
// Rules are compared by meaning, right by right, as the API server does to prevent
// privilege escalation (Kubernetes component-helpers/auth/rbac/validation, Covers).
// How rights are spread over rules does not matter. A star is covered by a star
// only, never by a list of what exists today. Unlike that check, Missing ignores
// resourceNames in a rule for non-resource URLs, as the authorizer does. The API
// server does not store such a rule.
func Missing(granted, want []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	have, asked, reported := setOf(granted), setOf(want), atomSet{}
	var lacking []atom
	for _, a := range atoms(want) {
		// Within want, the widest right is reported in place of those it includes.
		if reported[a] || have.covers(a) || asked.coversBeyond(a) {
			continue
		}
		reported[a] = true
		lacking = append(lacking, a)
	}
	return compact(lacking)
}

// Extra returns what granted has and want does not ask for: [Missing] with its
// arguments swapped.
func Extra(granted, want []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	return Missing(want, granted)
}

type atomSet map[atom]bool

func setOf(rules []rbacv1.PolicyRule) atomSet {
	set := atomSet{}
	for _, a := range atoms(rules) {
		set[a] = true
	}
	return set
}

// covers tells whether the set grants a, by itself or by something wider.
func (s atomSet) covers(a atom) bool {
	for _, w := range a.wider() {
		if s[w] {
			return true
		}
	}
	return false
}

// coversBeyond tells whether something wider than a grants it.
func (s atomSet) coversBeyond(a atom) bool {
	for _, w := range a.wider() {
		if s[w] && w != a {
			return true
		}
	}
	return false
}
