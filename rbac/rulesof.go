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
	if role.AggregationRule == nil || role.ResourceVersion != "" { // the second: the controller has filled them in
		return role.Rules, nil
	}
	var all []*rbacv1.ClusterRole
	for _, o := range roles {
		if r, ok := o.(*rbacv1.ClusterRole); ok && r != nil {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b *rbacv1.ClusterRole) int { return cmp.Compare(a.Name, b.Name) })
	rules, err := collect(role, all, map[string]bool{})
	if err == nil && len(atoms(rules)) == 0 {
		err = fmt.Errorf("%w: %s is aggregated: a controller fills in its rules; give the ClusterRoles that it is aggregated from", ErrNoRules, describeRole(role))
	}
	return rules, err
}

// collect follows aggregated roles into those that they aggregate, each once.
func collect(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole, seen map[string]bool) ([]rbacv1.PolicyRule, error) {
	if role.AggregationRule == nil {
		return role.Rules, nil
	}
	seen[role.Name] = true
	var rules []rbacv1.PolicyRule
	for i := range role.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&role.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			return nil, fmt.Errorf("%s: clusterRoleSelectors[%d]: %w", describeRole(role), i, err)
		}
		for _, other := range all {
			if seen[other.Name] || !selector.Matches(labels.Set(other.Labels)) {
				continue
			}
			seen[other.Name] = true
			more, err := collect(other, all, seen)
			if err != nil {
				return nil, err
			}
			rules = append(rules, more...)
		}
	}
	return rules, nil
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
