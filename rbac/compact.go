package rbac

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

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
