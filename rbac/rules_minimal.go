package rbac

// minimalRules is what istiod 1.31 was seen to need against a remote cluster:
// with each of them it is synced and its proxies get the cluster's endpoints.
// A namespaced Role could not replace them: the informers list cluster-wide.
func minimalRules() []Rule {
	watch := func() []string { return of("list", "watch") }
	return []Rule{
		{
			PolicyRule: policy(of(""), of("namespaces", "nodes", "pods", "services"), watch()),
			Why:        "the service registry: istiod gives out no endpoint of the cluster until all of them are read",
			Source:     "Istio pkg/kube/multicluster/cluster.go, pilot/pkg/serviceregistry/kube/controller/controller.go",
		},
		{
			PolicyRule: policy(of(""), of("secrets"), watch()),
			Why:        "gateway credentials; without it istiod never reports the cluster as synced",
			Source:     "Istio pilot/pkg/credentials/kube/secrets.go",
			OverGrant:  secretsOverGrant,
		},
		{
			PolicyRule: policy(of(""), of("configmaps"), watch()),
			Why:        "the cluster's trust domain, from ConfigMap istio or istio-<revision> in the root namespace",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go, getMeshConfigMapName",
			OverGrant:  configMapsOverGrant,
		},
		{
			PolicyRule: policy(of("discovery.k8s.io"), of("endpointslices"), watch()),
			Why:        "the addresses behind the services",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go",
		},
		{
			PolicyRule: policy(of("apiextensions.k8s.io"), of("customresourcedefinitions"), watch()),
			Why:        "istiod waits for the CRDs it watches; without this none of the optional informers syncs",
			Source:     "Istio pkg/kube/kclient/crdwatcher.go",
		},
		{
			PolicyRule: policy(of("gateway.networking.k8s.io"), of("gateways"), watch()),
			Why:        "east-west gateways that are Gateway API objects; where the CRD exists and this is missing, no endpoints",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/network.go",
		},
		{
			PolicyRule: policy(of("networking.istio.io"), of("workloadentries"), watch()),
			Why:        "services of one cluster may select WorkloadEntries of another",
			Source:     "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go, createWleConfigStore",
		},
	}
}
