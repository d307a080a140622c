package secrets

// Remote is one cluster as a remote secret describes it: its ID, its API server
// and a credential for it.
type Remote struct {
	// Cluster is the ID under which istiod knows the cluster; it is the data key of
	// the Secret. It must equal what that cluster's proxies and istiod call
	// themselves (ISTIO_META_CLUSTER_ID, chart value
	// global.multiCluster.clusterName), else their workloads are not found.
	Cluster string
	// Endpoint is the API server as the reading istiod reaches it.
	Endpoint Endpoint
	// Token is the bearer token.
	Token Token
	// Credential is "" for a plain bearer token. Parse sets it to the name of
	// anything else that istiod would accept (Istio pkg/kube/util.go
	// sanitizeKubeConfig), such as "client certificate", "basic auth", "oidc auth
	// provider", "impersonation" or "none", joined by " + ". Build refuses it.
	Credential string
	// CAFile is set by Parse when the kubeconfig names a certificate-authority
	// file, which istiod would read in its own file system. Build refuses it.
	CAFile string
}

// Options name and decorate the Secret that Build makes.
type Options struct {
	// Namespace is the one of the reading istiod, the only one whose remote secrets
	// it sees. Default istio-system.
	Namespace string
	// Name of the Secret. Default SecretName of the cluster.
	Name string
	// Labels and Annotations are added to those that istiod and istioctl use,
	// which they cannot change.
	Labels, Annotations map[string]string
}
