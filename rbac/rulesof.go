package rbac

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// ErrNoRules is wrapped by the error of [RulesOf] if there is nothing to look at: a
// nil object, a role without rules, or a role whose rules are not known.
var ErrNoRules = errors.New("no rules")

// RulesOf returns the rules of a Role or ClusterRole, or of the role that a
// RoleBinding or ClusterRoleBinding refers to.
//
// The roles are the others of the cluster or of the manifests. The role of a
// binding is looked up among them. The rules of an aggregated ClusterRole are
// collected from them, as the controller does (Kubernetes
// pkg/controller/clusterroleaggregation); one that an API server returned, which
// has a resourceVersion, has its rules already.
//
// A role that grants nothing is an error, [ErrNoRules]: a check of it would prove
// nothing.
func RulesOf(object runtime.Object, roles ...runtime.Object) ([]rbacv1.PolicyRule, error) {
	rules, err := rulesOf(object, roles)
	if err == nil && len(atoms(rules)) == 0 {
		err = fmt.Errorf("%w: %s grants nothing", ErrNoRules, describeRole(object))
	}
	if err != nil {
		return nil, fmt.Errorf("rbac: %w", err)
	}
	return rules, nil
}

func rulesOf(object runtime.Object, roles []runtime.Object) ([]rbacv1.PolicyRule, error) {
	switch o := object.(type) {
	case *rbacv1.Role:
		if o != nil {
			return o.Rules, nil
		}
	case *rbacv1.ClusterRole:
		if o != nil {
			return aggregate(o, roles)
		}
	case *rbacv1.RoleBinding:
		if o != nil {
			return referred(o, o.RoleRef, o.Namespace, roles)
		}
	case *rbacv1.ClusterRoleBinding:
		if o != nil {
			return referred(o, o.RoleRef, "", roles)
		}
	case nil:
	default:
		return nil, fmt.Errorf("%w: %T is not a role or a binding", ErrNoRules, object)
	}
	return nil, fmt.Errorf("%w: the object is nil", ErrNoRules)
}

// referred returns the rules of the role that a binding names.
func referred(binding runtime.Object, ref rbacv1.RoleRef, namespace string, roles []runtime.Object) ([]rbacv1.PolicyRule, error) {
	what := describeRole(binding)
	switch {
	case ref.Name == "" || ref.Kind == "":
		return nil, fmt.Errorf("%w: %s has no roleRef, and an API server refuses it", ErrNoRules, what)
	case ref.Kind != "ClusterRole" && (ref.Kind != "Role" || namespace == ""):
		return nil, fmt.Errorf("%w: %s refers to kind %q, which it may not", ErrNoRules, what, ref.Kind)
	}
	for _, o := range roles {
		switch role := o.(type) {
		case *rbacv1.ClusterRole:
			if role != nil && ref.Kind == "ClusterRole" && role.Name == ref.Name {
				return aggregate(role, roles)
			}
		case *rbacv1.Role:
			if role != nil && ref.Kind == "Role" && role.Name == ref.Name && role.Namespace == namespace {
				return role.Rules, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: %s %q, which %s refers to, is not among the roles given", ErrNoRules, ref.Kind, ref.Name, what)
}

// aggregate returns the rules of a ClusterRole, collected if it is an aggregated one.
func aggregate(role *rbacv1.ClusterRole, roles []runtime.Object) ([]rbacv1.PolicyRule, error) {
	var all []*rbacv1.ClusterRole
	for _, o := range append(slices.Clip(roles), role) {
		if r, ok := o.(*rbacv1.ClusterRole); ok && r != nil {
			if err := checkSelectors(r); err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b *rbacv1.ClusterRole) int { return cmp.Compare(a.Name, b.Name) })
	rules := effective(role, all)
	if role.AggregationRule != nil && role.ResourceVersion == "" && len(atoms(rules)) == 0 {
		return nil, fmt.Errorf("%w: %s is aggregated: a controller fills in its rules; give the ClusterRoles that it is aggregated from", ErrNoRules, describeRole(role))
	}
	return rules, nil
}

// effective returns the rules that a ClusterRole has once the controller has looked at all of them, which are sorted by
// name (Kubernetes pkg/controller/clusterroleaggregation). The controller overwrites what the manifest of an aggregated
// role lists, but one that an API server returned has its rules already, and perhaps from roles that are not here.
func effective(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) []rbacv1.PolicyRule {
	if role.AggregationRule == nil {
		return role.Rules
	}
	var rules []rbacv1.PolicyRule
	for _, rule := range collect(role, all, map[string]bool{}) {
		if !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return sameRule(r, rule) }) {
			rules = append(rules, rule)
		}
	}
	return rules
}

func sameRule(a, b rbacv1.PolicyRule) bool {
	return slices.Equal(a.Verbs, b.Verbs) && slices.Equal(a.APIGroups, b.APIGroups) && slices.Equal(a.Resources, b.Resources) &&
		slices.Equal(a.ResourceNames, b.ResourceNames) && slices.Equal(a.NonResourceURLs, b.NonResourceURLs)
}

// collect follows aggregated roles into those that they aggregate, each once. Selectors were checked before; one that is
// none selects nothing.
func collect(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole, seen map[string]bool) []rbacv1.PolicyRule {
	if role.AggregationRule == nil {
		return role.Rules
	}
	seen[role.Name] = true
	var rules []rbacv1.PolicyRule
	if role.ResourceVersion != "" {
		rules = append(rules, role.Rules...)
	}
	for i := range role.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&role.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			continue
		}
		for _, other := range all {
			if seen[other.Name] || !selector.Matches(labels.Set(other.Labels)) {
				continue
			}
			seen[other.Name] = true
			rules = append(rules, collect(other, all, seen)...)
		}
	}
	return rules
}

// checkSelectors refuses selectors that are none, as an API server does.
func checkSelectors(role *rbacv1.ClusterRole) error {
	if role.AggregationRule == nil {
		return nil
	}
	for i := range role.AggregationRule.ClusterRoleSelectors {
		if _, err := metav1.LabelSelectorAsSelector(&role.AggregationRule.ClusterRoleSelectors[i]); err != nil {
			return fmt.Errorf("%s: aggregationRule.clusterRoleSelectors[%d]: %w", describeRole(role), i, err)
		}
	}
	return nil
}

func describeRole(object runtime.Object) string {
	kind, name := fmt.Sprintf("%T", object), ""
	switch o := object.(type) {
	case *rbacv1.Role:
		kind, name = "Role", o.Name
	case *rbacv1.ClusterRole:
		kind, name = "ClusterRole", o.Name
	case *rbacv1.RoleBinding:
		kind, name = "RoleBinding", o.Name
	case *rbacv1.ClusterRoleBinding:
		kind, name = "ClusterRoleBinding", o.Name
	}
	return fmt.Sprintf("%s %q", kind, name)
}
