package rbac

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Rule is a rule of a profile with the reason for it.
type Rule struct {
	rbacv1.PolicyRule `json:",inline"`

	// Namespace is where the rule is granted, by the Role of that namespace; ""
	// is everywhere, by the ClusterRole.
	Namespace string `json:"namespace,omitempty"`

	// Why says what the reading istiod does with the rule.
	Why string `json:"why"`
	// Source is where that can be read, such as a path in Istio's repository.
	Source string `json:"source"`
	// Evidence says how the rule is known to be right, such as "ran on the lab
	// with istiod 1.31" or "read in the source of Istio 1.28".
	Evidence string `json:"evidence"`
	// OverGrant says what the rule grants beyond what istiod needs in order to
	// read services and endpoints; empty if nothing.
	OverGrant string `json:"overGrant,omitempty"`
}

// String returns the rule on one line, with its reason and its over-grant.
func (r Rule) String() string {
	s := Describe(r.PolicyRule)
	if r.Namespace != "" {
		s += " in namespace " + r.Namespace
	}
	s += ": " + r.Why
	if r.OverGrant != "" {
		s += " (beyond need: " + r.OverGrant + ")"
	}
	return s
}

// Describe returns a rule on one line, for messages:
// "list,watch nodes, gateways.gateway.networking.k8s.io". It writes resources as
// kubectl does: the group after a dot unless it is the core group, and the
// subresource last.
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

// Explain returns the rules that [Render] grants with the same options: first those
// of the ClusterRole, in its order, then those of the Role, which have a Namespace.
// Each comes with its reason, its source, the evidence for it, and what it grants
// beyond need. Errors are those of Render.
func Explain(o Options) ([]Rule, error) {
	r, err := o.resolve()
	if err != nil {
		return nil, err
	}
	return r.rules(), nil
}

// rules is the one place that knows which rules a profile has.
func (r *resolved) rules() []Rule {
	var rules []Rule
	switch r.Profile {
	case ASM:
		rules = chartRules(asmShape())
	case Minimal:
		rules = r.minimalRules()
	default:
		rules = chartRules(upstreamShape(r.minor, r.Profile == RemoteControlPlane))
	}
	for i := range rules {
		rules[i].Evidence = r.evidence()
	}
	return rules
}

// evidence is how the rules of a profile are known to be right.
func (r *resolved) evidence() string {
	switch {
	case r.Profile == ASM:
		return "copied from ASM's document, and ran on the lab with istiod 1.31"
	case r.Profile != Minimal:
		return fmt.Sprintf("compared with the chart of Istio 1.%d", r.minor)
	case r.minor == provedMinor:
		return fmt.Sprintf("ran on the lab with istiod 1.%d, also without each resource in turn", r.minor)
	}
	return fmt.Sprintf("read in the source of Istio 1.%d", r.minor)
}
