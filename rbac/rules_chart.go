package rbac

import rbacv1 "k8s.io/api/rbac/v1"

// The order of verbs and of rules is that of the charts and of ASM's document.

func read() []string { return []string{"get", "list", "watch"} }

// readChart is the same right as read, written as some of the charts' rules have it.
func readChart() []string { return []string{"get", "watch", "list"} }

func policy(groups, resources, verbs []string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: groups, Resources: resources, Verbs: verbs}
}

// of makes a list that its rule alone holds.
func of(values ...string) []string { return values }

func chartRules(s shape) []Rule {
	rules := []Rule{
		configRule(s),
		coreRule(s),
		{
			PolicyRule: policy(of("networking.istio.io"), of("workloadentries"), readChart()),
			Why:        "services of one cluster may select WorkloadEntries of another",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go, createWleConfigStore",
		},
		gatewayRule(s),
		{
			PolicyRule: policy(of("apiextensions.k8s.io"), of("customresourcedefinitions"), read()),
			Why:        "istiod waits for the CRDs it watches; without this none of the optional informers syncs",
			Source:     "Istio pkg/kube/kclient/crdwatcher.go",
		},
		{
			PolicyRule: policy(of("discovery.k8s.io"), of("endpointslices"), read()),
			Why:        "the addresses behind the services",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go",
		},
	}
	rules = append(rules, mcsRules()...)
	rules = append(rules, rulesWithoutReader()...)
	return append(rules, servedRules(s)...)
}

func configRule(s shape) Rule {
	groups := of("config.istio.io", "security.istio.io", "networking.istio.io", "authentication.istio.io", "rbac.istio.io")
	if s.newConfigGroups {
		groups = append(groups, "telemetry.istio.io", "extensions.istio.io")
	}
	return Rule{
		PolicyRule: policy(groups, of("*"), read()),
		Why:        "istioctl analyze reads the Istio configuration of remote clusters through their remote secrets",
		Source:     "Istio istioctl/pkg/analyze/analyze.go",
		OverGrant:  "istiod reads only workloadentries; config, authentication and rbac.istio.io are groups of Istio before 1.6",
	}
}

func coreRule(s shape) Rule {
	resources := of("endpoints", "pods", "services", "nodes", "replicationcontrollers", "namespaces", "secrets")
	over := secretsOverGrant + "; nothing has read endpoints and replicationcontrollers since Istio 1.20"
	if s.readConfigMaps {
		resources = append(resources, "configmaps")
		over += "; " + configMapsOverGrant
	}
	return Rule{
		PolicyRule: policy(of(""), resources, read()),
		Why:        "the service registry: istiod serves no endpoint of the cluster until namespaces, nodes, services and pods are read, and is synced only with secrets (gateway credentials)",
		Source:     "Istio pkg/kube/multicluster/cluster.go, pilot/pkg/serviceregistry/kube/controller/controller.go, pilot/pkg/credentials/kube/secrets.go",
		OverGrant:  over,
	}
}

func gatewayRule(s shape) Rule {
	rule := Rule{
		PolicyRule: policy(of("networking.x-k8s.io", "gateway.networking.k8s.io"), of("gateways"), readChart()),
		Why:        "east-west gateways that are Gateway API objects; without this, where the CRD exists, istiod serves no endpoints",
		Source:     "Istio pilot/pkg/serviceregistry/kube/controller/network.go",
		OverGrant:  "nothing reads networking.x-k8s.io, the group before Gateway API v1alpha2",
	}
	if s.gatewayClasses {
		rule.Resources = append(rule.Resources, "gatewayclasses")
		rule.OverGrant += "; nothing reads gatewayclasses of remote clusters"
	}
	return rule
}

// shape is what tells one version of the charts' reader role from another.
// All else is the same in Istio 1.19 to 1.31 and in ASM's document.
type shape struct {
	newConfigGroups bool // telemetry.istio.io and extensions.istio.io
	readConfigMaps  bool // for the trust domain in the mesh configuration
	gatewayClasses  bool
	writeConfigMaps bool // for a cluster that the istiod serves
	webhooks        bool // likewise
}

// asmShape is ASM's document "Mutual access between remote and managed control
// plane workloads": close to the charts of 1.22 to 1.25 for a served cluster,
// with gateway classes and without the webhook rules.
func asmShape() shape {
	return shape{newConfigGroups: true, gatewayClasses: true, writeConfigMaps: true}
}

// upstreamShape is the chart of Istio 1.<minor>, release branch by release
// branch: telemetry and extensions came with 1.22; reading ConfigMaps came with
// 1.26, was taken back for 1.27 and 1.28, and came again with 1.29.
func upstreamShape(minor int, served bool) shape {
	return shape{
		newConfigGroups: minor >= 22,
		readConfigMaps:  minor == 26 || minor >= 29,
		writeConfigMaps: served,
		webhooks:        served,
	}
}
