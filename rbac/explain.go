package rbac

import (
	"fmt"
	"slices"
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
	case ranOnLab(r.minor):
		return fmt.Sprintf("ran on the lab with istiod 1.%d, also without each resource in turn", r.minor)
	}
	return fmt.Sprintf("read in the source of Istio 1.%d", r.minor)
}

// minimalRules is what the istiod of the version reads of a remote cluster in order to be synced and to give its
// endpoints to proxies. Read in the source of each minor from 1.19 to 1.31; see ranOnLab for those that ran.
func (r *resolved) minimalRules() []Rule {
	watch := func() []string { return of("list", "watch") }
	rules := []Rule{
		{
			PolicyRule: policy(of(""), of("namespaces", "nodes", "pods", "services"), watch()),
			Why:        "the service registry: istiod serves no endpoint of the cluster until all of them are read",
			Source:     "Istio pkg/kube/multicluster/cluster.go, pilot/pkg/serviceregistry/kube/controller/controller.go",
		},
		{
			PolicyRule: policy(of(""), of("secrets"), watch()),
			Why:        "gateway credentials; without it istiod never reports the cluster as synced",
			Source:     "Istio pilot/pkg/credentials/kube/secrets.go",
			OverGrant:  secretsOverGrant,
		},
	}
	if r.minor == 26 {
		rules = append(rules, Rule{
			PolicyRule: policy(of(""), of("configmaps"), watch()),
			Why:        "CA certificates of gateways, which istiod 1.26 watches beside the gateway credentials, in remote clusters too; without it the cluster is never synced",
			Source:     "Istio pilot/pkg/credentials/kube/secrets.go, NewCredentialsController",
			OverGrant:  "every ConfigMap can be read, while istiod uses those with the CA certificate of a gateway",
		})
	}
	gateways := Rule{
		PolicyRule: policy(of("gateway.networking.k8s.io"), of("gateways"), watch()),
		Why:        "east-west gateways that are Gateway API objects; without this, where the CRD exists, istiod serves no endpoints",
		Source:     "Istio pilot/pkg/serviceregistry/kube/controller/network.go",
	}
	if r.minor < 23 {
		gateways.OverGrant = "unused unless istiod runs with PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API, which is off before Istio 1.23"
	}
	rules = append(rules, Rule{
		PolicyRule: policy(of("discovery.k8s.io"), of("endpointslices"), watch()),
		Why:        "the addresses behind the services",
		Source:     "Istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go",
	}, Rule{
		PolicyRule: policy(of("apiextensions.k8s.io"), of("customresourcedefinitions"), watch()),
		Why:        "istiod waits for the CRDs it watches; without this none of the optional informers syncs",
		Source:     "Istio pkg/kube/kclient/crdwatcher.go",
	}, gateways, Rule{
		PolicyRule: policy(of("networking.istio.io"), of("workloadentries"), watch()),
		Why:        "services of one cluster may select WorkloadEntries of another",
		Source:     "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go, createWleConfigStore",
	})
	if r.minor >= meshConfigMinor {
		rules = append(rules, r.meshConfigRule())
	}
	return rules
}

// meshConfigRule is for the one ConfigMap that each revision reads. A list or watch under a resourceName is allowed only
// with the field selector metadata.name, which istiod sets (Istio pkg/config/mesh/kubemesh/watcher.go).
func (r *resolved) meshConfigRule() Rule {
	rule := policy(of(""), of("configmaps"), of("list", "watch"))
	for _, revision := range r.Revisions {
		name := "istio"
		if revision != "" && revision != "default" {
			name += "-" + revision
		}
		rule.ResourceNames = append(rule.ResourceNames, name)
	}
	slices.Sort(rule.ResourceNames)
	rule.ResourceNames = slices.Compact(rule.ResourceNames)
	return Rule{
		PolicyRule: rule, Namespace: r.SystemNamespace,
		Why:    "the cluster's trust domain, from the mesh configuration of each revision that reads; without it the cluster is never synced, and its trust domain is taken to be that of the reading istiod",
		Source: "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go, getMeshConfigMapName",
	}
}
