package rbac

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Rule is a rule of a profile with the reason for it.
type Rule struct {
	rbacv1.PolicyRule `json:",inline"`

	// Why says what the reading istiod does with the rule.
	Why string `json:"why"`
	// Source is where that can be read, such as a path in Istio's repository.
	Source string `json:"source"`
	// OverGrant says what the rule grants beyond what istiod needs in order to
	// read services and endpoints; empty if nothing.
	OverGrant string `json:"overGrant,omitempty"`
}

// String returns the rule on one line, with its reason and its over-grant.
func (r Rule) String() string {
	s := Describe(r.PolicyRule) + ": " + r.Why
	if r.OverGrant != "" {
		s += " (beyond need: " + r.OverGrant + ")"
	}
	return s
}

// Describe returns a rule on one line, for messages:
// "list,watch nodes, gateways.gateway.networking.k8s.io". Resources are written
// as kubectl writes them, with their group after a dot unless it is the core
// group, and the subresource last.
func Describe(rule rbacv1.PolicyRule) string {
	var on []string
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			name, subresource, _ := strings.Cut(resource, "/")
			on = append(on, qualify(group, name, subresource))
		}
	}
	on = append(on, rule.NonResourceURLs...)
	s := strings.Join(rule.Verbs, ",") + " " + strings.Join(on, ", ")
	if len(rule.ResourceNames) > 0 {
		s += " named " + strings.Join(rule.ResourceNames, ", ")
	}
	return s
}

// qualify returns "deployments.apps/scale".
func qualify(group, resource, subresource string) string {
	if group != "" {
		resource += "." + group
	}
	if subresource != "" {
		resource += "/" + subresource
	}
	return resource
}
