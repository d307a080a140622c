package rbac

import (
	rbacv1 "k8s.io/api/rbac/v1"
)

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

const (
	secretsOverGrant = "every Secret of the cluster can be read, tokens of other service accounts and TLS keys included, while istiod uses gateway credentials only"

	configMapsOverGrant = "every ConfigMap can be read, while istiod reads the one that holds the mesh configuration"
)

// mcsRules serve the Multi-Cluster Services API, which istiod uses only if asked to.
func mcsRules() []Rule {
	const group = "multicluster.x-k8s.io"
	return []Rule{
		{
			PolicyRule: policy(of(group), of("serviceexports"), append(read(), "create", "delete")),
			Why:        "MCS: which services are exported; create and delete for ENABLE_MCS_AUTO_EXPORT",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/serviceexportcache.go, autoserviceexportcontroller.go",
			OverGrant:  "unused, and writable, unless istiod runs with ENABLE_MCS_SERVICE_DISCOVERY or ENABLE_MCS_AUTO_EXPORT",
		},
		{
			PolicyRule: policy(of(group), of("serviceimports"), read()),
			Why:        "MCS: the addresses of imported services",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/serviceimportcache.go",
			OverGrant:  "unused unless istiod runs with ENABLE_MCS_HOST",
		},
	}
}

// rulesWithoutReader serve istiods that serve proxies of the cluster, or none.
func rulesWithoutReader() []Rule {
	return []Rule{
		{
			PolicyRule: policy(of("apps"), of("replicasets"), read()),
			Why:        "left over from Mixer",
			Source:     "Istio manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml",
			OverGrant:  "nothing reads them",
		},
		{
			PolicyRule: policy(of("authentication.k8s.io"), of("tokenreviews"), of("create")),
			Why:        "checks the tokens of proxies of this cluster that connect to the reading istiod",
			Source:     "Istio security/pkg/k8s/tokenreview/k8sauthn.go",
			OverGrant:  "unused unless proxies of this cluster connect to the reading istiod",
		},
		{
			PolicyRule: policy(of("authorization.k8s.io"), of("subjectaccessreviews"), of("create")),
			Why:        "checks that a gateway of this cluster may read the Secret it names as credentialName",
			Source:     "Istio pilot/pkg/credentials/kube/secrets.go",
			OverGrant:  "unused unless gateways of this cluster connect to the reading istiod",
		},
	}
}

// servedRules are for an istiod that serves this cluster (EXTERNAL_ISTIOD, and
// named in topology.istio.io/controlPlaneClusters).
func servedRules(s shape) []Rule {
	const unless = " unless this cluster names the reading istiod in topology.istio.io/controlPlaneClusters"
	var rules []Rule
	if s.writeConfigMaps {
		rules = append(rules, Rule{
			PolicyRule: policy(of(""), of("configmaps"), of("create", "get", "list", "watch", "update")),
			Why:        "leader election and istio-ca-root-cert in every namespace, in a cluster that the istiod serves; reading also gives istiod 1.29 and newer the cluster's trust domain",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go, pilot/pkg/leaderelection",
			OverGrant:  "every ConfigMap of the cluster, kube-system included, can be created and changed; writing is unused" + unless + ", or istiod runs with ENABLE_MCS_AUTO_EXPORT",
		})
	}
	if s.webhooks {
		const group = "admissionregistration.k8s.io"
		rules = append(rules, Rule{
			PolicyRule: policy(of(group), of("mutatingwebhookconfigurations"), append(read(), "update", "patch")),
			Why:        "writes the CA into the injection webhook of a cluster that the istiod serves",
			Source:     "Istio pkg/webhooks/webhookpatch.go",
			OverGrant:  "every mutating webhook of the cluster can be changed, and istiod 1.29 to 1.31 patches none; unused" + unless,
		}, Rule{
			PolicyRule: policy(of(group), of("validatingwebhookconfigurations"), append(read(), "update")),
			Why:        "would write the CA into the validation webhook of a cluster that the istiod serves",
			Source:     "Istio pilot/pkg/bootstrap/validation.go",
			OverGrant:  "every validating webhook of the cluster can be changed, and istiod 1.29 to 1.31 looks at those of its own cluster only",
		})
	}
	return rules
}
