package unmatched

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Part is a field of a rule. A right has one value of each.
type Part struct {
	Name  string
	Of    func(*rbacv1.PolicyRule) *[]string
	Stars bool // "*" stands for all values
}

var (
	verbs     = Part{"verbs", func(r *rbacv1.PolicyRule) *[]string { return &r.Verbs }, true}
	groups    = Part{"apiGroups", func(r *rbacv1.PolicyRule) *[]string { return &r.APIGroups }, true}
	resources = Part{"resources", func(r *rbacv1.PolicyRule) *[]string { return &r.Resources }, true}
	names     = Part{"resourceNames", func(r *rbacv1.PolicyRule) *[]string { return &r.ResourceNames }, false}
	urls      = Part{"nonResourceURLs", func(r *rbacv1.PolicyRule) *[]string { return &r.NonResourceURLs }, true}
)

// OnResources are the parts of a right on resources.
func OnResources() []Part { return []Part{verbs, groups, resources, names} }

// OnURLs are the parts of a right on URLs.
func OnURLs() []Part { return []Part{verbs, urls} }

// All are the parts of a rule.
func All() []Part { return []Part{verbs, groups, resources, names, urls} }

// Cut is a copy of the rule with these of its parts only.
func Cut(rule rbacv1.PolicyRule, parts ...Part) rbacv1.PolicyRule {
	var kept rbacv1.PolicyRule
	for _, p := range parts {
		*p.Of(&kept) = slices.Clone(*p.Of(&rule))
	}
	return kept
}

// With is a copy of the rule with these values of the part only.
func (p Part) With(rule rbacv1.PolicyRule, values ...string) rbacv1.PolicyRule {
	kept := *rule.DeepCopy()
	*p.Of(&kept) = values
	return kept
}
