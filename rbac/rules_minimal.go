package rbac

import (
	"slices"
)

// minimalRules is what the istiod of the version reads of a remote cluster in order to be synced and to give its
// endpoints to proxies. Read in the source of each minor from 1.19 to 1.31; 1.31 also ran on the lab.
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
