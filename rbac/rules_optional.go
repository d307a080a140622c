package rbac

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
			OverGrant:  "every mutating webhook of the cluster can be changed; unused" + unless,
		}, Rule{
			PolicyRule: policy(of(group), of("validatingwebhookconfigurations"), append(read(), "update")),
			Why:        "writes the CA into the validation webhook of a cluster that the istiod serves",
			Source:     "Istio pkg/webhooks/validation/controller/controller.go",
			OverGrant:  "every validating webhook of the cluster can be changed; unused" + unless,
		})
	}
	return rules
}
