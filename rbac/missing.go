package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

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

// atom is a right that rules cannot divide further: one verb on one resource of
// one group, under any name or under one, or one verb on one URL. A star stays
// a star, for it also stands for what does not exist yet.
type atom struct {
	verb            string
	group, resource string
	named           bool
	name            string
	isURL           bool
	url             string
}

// atoms returns the rights of the rules in their order, some perhaps twice.
func atoms(rules []rbacv1.PolicyRule) []atom {
	var all []atom
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, atom{verb: verb, group: group, resource: resource}.under(rule.ResourceNames)...)
				}
			}
		}
		for _, url := range rule.NonResourceURLs {
			if strings.HasSuffix(url, "*") { // the authorizer reads "/a**" as "/a*"
				url = strings.TrimRight(url, "*") + "*"
			}
			for _, verb := range rule.Verbs {
				all = append(all, atom{verb: verb, isURL: true, url: url})
			}
		}
	}
	return all
}

// under returns a for each of the names; no names are all names.
func (a atom) under(names []string) []atom {
	if len(names) == 0 {
		return []atom{a}
	}
	all := make([]atom, len(names))
	for i, name := range names {
		a.named, a.name = true, name
		all[i] = a
	}
	return all
}

// wider returns the atoms that grant all that a grants: those with a star in
// place of something, and a itself.
func (a atom) wider() []atom {
	on := a.widerResources()
	if a.isURL {
		on = a.widerURLs()
	}
	for _, w := range on {
		w.verb = "*"
		on = append(on, w)
	}
	return on
}

func (a atom) widerResources() []atom {
	resources := []string{a.resource, "*"}
	if _, subresource, ok := strings.Cut(a.resource, "/"); ok {
		resources = append(resources, "*/"+subresource)
	}
	var wider []atom
	for _, group := range []string{a.group, "*"} {
		for _, resource := range resources {
			w := a
			w.group, w.resource = group, resource
			wider = append(wider, w)
			w.named, w.name = false, ""
			wider = append(wider, w)
		}
	}
	return wider
}

func (a atom) widerURLs() []atom {
	path := strings.TrimRight(a.url, "*")
	wider := []atom{a}
	for end := range len(path) + 1 {
		w := a
		w.url = path[:end] + "*"
		wider = append(wider, w)
	}
	return wider
}

// compact writes atoms, none of which includes another, as few rules, in the
// order of the first atom of each. It grants nothing more: rules are merged only
// along one field at a time and only if they agree in all the others. One with
// names and one without never do: the second would include the first.
func compact(list []atom) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, a := range list {
		rule := rbacv1.PolicyRule{Verbs: []string{a.verb}}
		if a.isURL {
			rule.NonResourceURLs = []string{a.url}
		} else {
			rule.APIGroups, rule.Resources = []string{a.group}, []string{a.resource}
		}
		if a.named {
			rule.ResourceNames = []string{a.name}
		}
		rules = append(rules, rule)
	}
	for _, field := range []func(*rbacv1.PolicyRule) *[]string{
		func(r *rbacv1.PolicyRule) *[]string { return &r.Verbs },
		func(r *rbacv1.PolicyRule) *[]string { return &r.ResourceNames },
		func(r *rbacv1.PolicyRule) *[]string { return &r.Resources },
		func(r *rbacv1.PolicyRule) *[]string { return &r.APIGroups },
		func(r *rbacv1.PolicyRule) *[]string { return &r.NonResourceURLs },
	} {
		rules = merge(rules, field)
	}
	return rules
}

// merge joins rules that differ in one field only.
func merge(rules []rbacv1.PolicyRule, field func(*rbacv1.PolicyRule) *[]string) []rbacv1.PolicyRule {
	at := map[string]int{}
	var merged []rbacv1.PolicyRule
	for _, rule := range rules {
		values := *field(&rule)
		key := keyWithout(rule, field)
		if i, seen := at[key]; seen {
			into := field(&merged[i])
			*into = append(*into, values...)
			continue
		}
		at[key] = len(merged)
		merged = append(merged, rule)
	}
	return merged
}

func keyWithout(rule rbacv1.PolicyRule, field func(*rbacv1.PolicyRule) *[]string) string {
	*field(&rule) = nil
	var parts [][]string
	for _, values := range [][]string{rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames, rule.NonResourceURLs} {
		values = slices.Clone(values)
		slices.Sort(values)
		parts = append(parts, values)
	}
	return fmt.Sprintf("%q", parts)
}
