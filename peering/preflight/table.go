package preflight

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Check describes one check. Its ID is stable.
type Check struct {
	ID       string   // of its findings
	Severity Severity // at most; a finding may be less severe
	Asks     string   // what holds when the check passes
	Needs    []string // what is read for it; shared with the other checks
	Source   string   // where the fact behind it can be read
}

// Checks lists every check, in the order of [Run].
func Checks() []Check {
	all := make([]Check, len(table))
	for i, c := range table {
		all[i] = c.Check
		for _, n := range c.needs {
			all[i].Needs = append(all[i].Needs, n.what)
		}
	}
	return all
}

// check is a line of the table.
type check struct {
	Check
	needs []need
	skips func(context.Context, *facts) *verdict // why the check does not apply, or nil; nil itself if it always does
	judge func(context.Context, *facts) []verdict
}

// table is every check, in the order of findings: what is peered, with what, over which network, for which workload.
var table = []check{
	{Check{ID: "distinct-clusters", Severity: Blocks, Asks: "From and To are different clusters", Source: "Kubernetes: UID of Namespace kube-system"}, []need{needKubeSystem}, nil, distinctClusters},
	{Check{ID: "cluster-id-valid", Severity: Blocks, Asks: "the ID of To can be a data key of a Secret", Source: "Istio pkg/kube/multicluster/secretcontroller.go"}, []need{needInput}, nil, clusterIDValid},
	{Check{ID: "cluster-id-matches-proxies", Severity: Warns, Asks: "the ID of To is what its proxies call their cluster", Source: "istio/istio#52065"}, []need{needSystemPods, needServerPods}, nil, clusterIDMatchesProxies},
	{Check{ID: "cluster-id-not-own", Severity: Blocks, Asks: "the ID of To is not what From's istiod calls itself", Source: "Istio pkg/kube/multicluster/secretcontroller.go"}, []need{needSystemPods, needClient}, hostedFrom, clusterIDNotOwn},
	{Check{ID: "cluster-id-in-use", Severity: Blocks, Asks: "no other remote secret of From names To", Source: "Istio pkg/kube/multicluster/secretcontroller.go"}, []need{needRemoteSecrets}, hostedFrom, clusterIDInUse},
	{Check{ID: "secret-name-free", Severity: Blocks, Asks: "the Secret's name is free or this link's", Source: "-"}, []need{needSecretNames}, hostedFrom, secretNameFree},
	{Check{ID: "secret-size", Severity: Blocks, Asks: "the Secret will not be too large", Source: "Kubernetes core/v1 MaxSecretSize"}, []need{needInput}, hostedFrom, secretSize},

	{Check{ID: "istiod-present", Severity: Blocks, Asks: "From has ready istiods in the namespace of the Secret", Source: "Istio charts: label app=istiod"}, []need{needSystemPods, needSystemNamespace}, hostedFrom, istiodPresent},
	{Check{ID: "istiod-reads-secrets", Severity: Blocks, Asks: "istiod looks at Secrets", Source: "Istio pkg/kube/multicluster, PILOT_MULTICLUSTER_KUBECONFIG_PATH"}, []need{needSystemPods}, hostedFrom, istiodReadsSecrets},
	{Check{ID: "istiod-reads-credentials", Severity: Blocks, Asks: "istiod does not panic at a remote secret", Source: "Istio pilot/pkg/credentials/kube/multicluster.go"}, []need{needSystemPods}, hostedFrom, istiodReadsCredentials},
	{Check{ID: "istiod-revisions", Severity: Warns, Asks: "From's istiods have one mesh configuration", Source: "Istio pilot/pkg/bootstrap/mesh.go"}, []need{needSystemPods, needMesh}, hostedFrom, istiodRevisions},
	{Check{ID: "rotation-hazards", Severity: Warns, Asks: "istiod's version survives a rotation", Source: "istio/istio#59875, #60612, #61043"}, []need{needSystemPods}, hostedFrom, rotationHazards},
	{Check{ID: "served-cluster", Severity: Blocks, Asks: "From's istiod may serve the proxies of To, if it does", Source: "Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go"}, []need{needSystemNamespace, needSystemPods, needInput}, nil, servedCluster},
	{Check{ID: "asm-remote-control-plane", Severity: Warns, Asks: "the ASM instance gives From an istiod of its own", Source: "ASM: Reduce push latency using ASM remote control plane"}, []need{needASMMeshConfig}, onlyASM, asmRemoteControlPlane},

	{Check{ID: "server-url", Severity: Blocks, Asks: "the Endpoint is a URL that istiod elsewhere can use", Source: "Istio pkg/kube/util.go"}, []need{needInput, needClusterIP}, nil, serverURL},
	{Check{ID: "server-certificate", Severity: Blocks, Asks: "the Endpoint's CA verifies the server that answers there", Source: "istio/istio#51376, #51934"}, []need{needHandshake}, nil, serverCertificate},
	{Check{ID: "caller-rights", Severity: Blocks, Asks: "the caller may write all that peering writes", Source: "Kubernetes pkg/registry/rbac"}, []need{needRights}, nil, callerRights},
	{Check{ID: "token-request-served", Severity: Informs, Asks: "To serves TokenRequest", Source: "Kubernetes KEP-1205"}, []need{needResources}, onlyBound, tokenRequestServed},
	{Check{ID: "clock-skew", Severity: Blocks, Asks: "the clocks of both clusters agree", Source: "Kubernetes pkg/serviceaccount/claims.go"}, []need{needVersion}, nil, clockSkew},
	{Check{ID: "kubernetes-version", Severity: Warns, Asks: "istiod supports the Kubernetes of both clusters", Source: "Istio istioctl/pkg/install/k8sversion/version.go"}, []need{needVersion, needSystemPods}, nil, kubernetesVersion},

	{Check{ID: "root-ca", Severity: Blocks, Asks: "both clusters share a root certificate", Source: "Istio ConfigMap istio-ca-root-cert"}, []need{needRoots}, nil, rootCA},
	{Check{ID: "trust-domain", Severity: Blocks, Asks: "the trust domains are equal or aliases", Source: "Istio meshConfig.trustDomainAliases"}, []need{needMesh, needSystemPods, needServerPods, needClient}, nil, trustDomain},
	{Check{ID: "mesh-id", Severity: Warns, Asks: "the proxies of both clusters are of one mesh", Source: "Istio chart value global.meshID"}, []need{needSystemPods, needServerPods, needClient}, nil, meshID},
	{Check{ID: "networks", Severity: Warns, Asks: "the networks are set, and proxies agree with them", Source: "Istio pilot/pkg/xds/endpoints/ep_filters.go"}, []need{needSystemNamespace, needMesh, needSystemPods, needServerPods, needClient}, nil, networks},
	{Check{ID: "gateway-address", Severity: Blocks, Asks: "To's network has a gateway with an address and the port", Source: "Istio pilot/pkg/serviceregistry/kube/controller/network.go"}, []need{needSystemNamespace, needGatewayServices, needUnlabelled, needGatewayAPI, needMesh, needSystemPods, needClientNs, needClient}, oneNetwork, gatewayAddress},
	{Check{ID: "gateway-names", Severity: Warns, Asks: "From's istiod knows the gateways by IP address", Source: "Istio pilot/pkg/model/network.go, istio/istio#29359"}, []need{needSystemNamespace, needGatewayServices, needGatewayAPI, needMesh}, oneNetwork, gatewayNames},
	{Check{ID: "gateway-ready", Severity: Blocks, Asks: "Pods are ready behind the gateway", Source: "Kubernetes discovery/v1 EndpointConditions"}, []need{needSystemNamespace, needGatewaySlices}, oneNetwork, gatewayReady},
	{Check{ID: "gateway-passthrough", Severity: Blocks, Asks: "a Gateway lets the client's calls through", Source: "Istio samples/multicluster/expose-services.yaml"}, []need{needSystemNamespace, needGateways, needGatewayAPI, needGatewayPods, needClientNs, needClient}, oneNetwork, gatewayPassthrough},
	{Check{ID: "gateway-restrictions", Severity: Warns, Asks: "nothing restricts who reaches the gateway", Source: "Kubernetes Service loadBalancerSourceRanges, NetworkPolicy"}, []need{needSystemNamespace, needGatewayPods, needNetworkPolicies}, oneNetwork, gatewayRestrictions},
	{Check{ID: "asm-gateway", Severity: Informs, Asks: "ASM deploys a gateway to To", Source: "ASM: IstioGateway CRD"}, []need{needASMGateways}, onlyASM, asmGateway},
	{Check{ID: "istio-crds", Severity: Informs, Asks: "the mesh configuration can be read", Source: "Istio manifests/charts/base/files"}, []need{needDestinationRules, needPeerAuthentications}, nil, istioCRDs},

	{Check{ID: "probe-rights", Severity: Warns, Asks: "the caller may run requests in the client and scale the local side to zero", Source: "Kubernetes KEP-4006"}, []need{needProbeRights}, noWorkload, probeRights},
	{Check{ID: "namespace-in-both", Severity: Blocks, Asks: "the namespace exists in both clusters", Source: "Istio deployment models, namespace sameness"}, []need{needNamespace}, noWorkload, namespaceInBoth},
	{Check{ID: "service-in-both", Severity: Blocks, Asks: "the Service exists in both clusters", Source: "Istio deployment models, DNS with multiple clusters"}, []need{needServices}, noWorkload, serviceInBoth},
	{Check{ID: "same-ports", Severity: Blocks, Asks: "the Services have the same ports", Source: "Istio IST0170"}, []need{needServices}, noWorkload, samePorts},
	{Check{ID: "injection", Severity: Blocks, Asks: "client and server are in the mesh", Source: "Istio pkg/kube/inject/inject.go"}, []need{needNamespace, needServerPods, needClientNs, needClient}, noWorkload, injection},
	{Check{ID: "server-mtls-capable", Severity: Blocks, Asks: "the server speaks mutual TLS", Source: "Istio pilot/pkg/xds/endpoints/mtls_checker.go"}, []need{needServerPods}, noWorkload, serverMTLSCapable},
	{Check{ID: "peer-authentication", Severity: Blocks, Asks: "no PeerAuthentication disables mutual TLS", Source: "Istio pilot/pkg/security/authn/policy_applier.go"}, []need{needPeerAuthentications, needServerPods, needMesh}, noWorkload, peerAuthentication},
	{Check{ID: "destination-rule-tls", Severity: Blocks, Asks: "no DestinationRule changes the TLS mode", Source: "Istio pilot/pkg/xds/endpoints/mtls_checker.go"}, []need{needDestinationRules, needClient, needMesh}, noWorkload, destinationRuleTLS},
	{Check{ID: "locality", Severity: Informs, Asks: "nothing prefers the local side", Source: "Istio mesh/v1alpha1 localityLbSetting"}, []need{needDestinationRules, needServices, needMesh, needClient}, noWorkload, locality},
	{Check{ID: "cluster-local", Severity: Blocks, Asks: "the service is not kept in its cluster", Source: "Istio pilot/pkg/model/cluster_local.go, pilot/pkg/serviceregistry/ambient/services.go"}, []need{needMesh, needClient, needClientNs, needSystemPods, needServices, needNamespace}, noWorkload, clusterLocal},
	{Check{ID: "service-exported", Severity: Blocks, Asks: "the Service is exported to the client", Source: "Istio annotation networking.istio.io/exportTo"}, []need{needServices, needMesh}, noWorkload, serviceExported},
	{Check{ID: "namespace-discovered", Severity: Blocks, Asks: "From's istiod discovers the namespace", Source: "Istio meshConfig.discoverySelectors"}, []need{needMesh, needNamespace}, noWorkload, namespaceDiscovered},
	{Check{ID: "sidecar-egress", Severity: Blocks, Asks: "the client's Sidecar lets it see the service", Source: "Istio pilot/pkg/model/sidecar.go"}, []need{needSidecars, needClient, needMesh}, noWorkload, sidecarEgress},
	{Check{ID: "virtual-service-pinning", Severity: Warns, Asks: "no VirtualService keeps calls in one cluster", Source: "Istio label topology.istio.io/cluster"}, []need{needVirtualServices, needDestinationRules, needClient, needMesh}, noWorkload, virtualServicePinning},
	{Check{ID: "authorization-policy", Severity: Warns, Asks: "no AuthorizationPolicy treats callers of another cluster differently", Source: "Istio security/v1beta1 AuthorizationPolicy"}, []need{needAuthorization, needServerPods, needMesh}, noWorkload, authorizationPolicy},
	{Check{ID: "server-ready", Severity: Blocks, Asks: "the service has a ready endpoint in To", Source: "Kubernetes discovery/v1 EndpointConditions"}, []need{needEndpoints}, noWorkload, serverReady},
	{Check{ID: "client-ready", Severity: Blocks, Asks: "the client is ready in From", Source: "Istio samples/sleep"}, []need{needClient}, noWorkload, clientReady},
}

// What checks read. Every read is started at once, so that no check waits for one after the other; requests that need the
// answer of another first form chains of at most three.
var (
	needKubeSystem = need{what: "Namespace kube-system, both", reads: both(func(ctx context.Context, _ *facts, s *server) {
		_, _ = get(ctx, s, kindNamespace, "", metav1.NamespaceSystem)
	})}
	needSystemNamespace = need{what: "system Namespace, both", reads: both(func(ctx context.Context, f *facts, s *server) {
		_, _ = get(ctx, s, kindNamespace, "", f.from.Namespace)
	})}
	needSystemPods = need{what: "Pods of the system namespace, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.systemPods(ctx) })}
	needMesh       = need{what: "ConfigMap istio[-revision], both", reads: append(
		both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.meshOfRevision(ctx, "") }), // most likely; Pods tell which it is
		both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.mesh(ctx) })...,
	)}
	needRoots     = need{what: "ConfigMap istio-ca-root-cert, both", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.roots(ctx, s) })}
	needVersion   = need{what: "/version, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.version(ctx) })}
	needResources = need{what: "/api/v1, To", ofBound: true, reads: only(func(ctx context.Context, f *facts) { _, _ = f.to.tokenRequest(ctx) })}
	needRights    = need{what: "access reviews, both", reads: []read{
		func(ctx context.Context, f *facts) { f.rightsToShare(ctx) },
		func(ctx context.Context, f *facts) { f.rightsToGrant(ctx) },
	}}
	needHandshake = need{what: "TLS handshake, To", reads: only(func(ctx context.Context, f *facts) { serverCertificate(ctx, f) })}
	needInput     = need{what: "the Input"}
	needClusterIP = need{what: "Service default/kubernetes, both, if the Endpoint is an IP address", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.kubernetes(ctx, s) })}

	needRemoteSecrets = need{what: "remote Secrets, From", reads: only(func(ctx context.Context, f *facts) { _, _ = f.remoteSecrets(ctx) })}
	needSecretNames   = need{what: "names of the Secrets of the system namespace, From", reads: only(func(ctx context.Context, f *facts) { _, _ = f.from.secretNames(ctx) })}

	needGatewayServices = need{what: "Services labelled with a network, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = list(ctx, s, kindService, "", labelNetwork) })}
	needUnlabelled      = need{what: "Services of the system namespace, To, if none is labelled", reads: only(func(ctx context.Context, f *facts) {
		if labelled, err := f.networkServices(ctx); err == nil && len(labelled) == 0 && oneNetwork(ctx, f) == nil {
			_, _ = f.systemServices(ctx)
		}
	})}
	needGatewayAPI = need{what: "Gateways of the Gateway API and nodes of a NodePort gateway, both", reads: append(
		both(func(ctx context.Context, f *facts, s *server) { _, _ = f.gatewayAPI(ctx, s) }),
		both(func(ctx context.Context, f *facts, s *server) { _, _ = f.gatewaySources(ctx, s) })...,
	)}
	needGatewayPods     = need{what: "Pods of the gateway, To", reads: only(func(ctx context.Context, f *facts) { _, _ = f.gatewayPods(ctx) })}
	needGatewaySlices   = need{what: "EndpointSlices of the gateway, To", reads: only(func(ctx context.Context, f *facts) { gatewayReady(ctx, f) })}
	needNetworkPolicies = need{what: "NetworkPolicies beside the gateway, To", reads: only(func(ctx context.Context, f *facts) { _, _ = f.policiesBesideGateway(ctx) })}
	needGateways        = need{what: "Gateways of Istio", reads: only(func(ctx context.Context, f *facts) { _, _ = f.gatewayObjects(ctx) })}

	needNamespace  = need{what: "Namespace of the Service, both", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.appNamespace(ctx, s) })}
	needServices   = need{what: "the Service, both", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.service(ctx, s) })}
	needServerPods = need{what: "Pods of the Service, To", reads: only(func(ctx context.Context, f *facts) { _, _ = f.serverPods(ctx) })}
	needEndpoints  = need{what: "EndpointSlices of the Service, To", reads: only(func(ctx context.Context, f *facts) { _, _ = f.endpoints(ctx) })}
	needClientNs   = need{what: "Namespace of the client, From", reads: only(func(ctx context.Context, f *facts) { _, _ = f.clientNamespace(ctx) })}
	needClient     = need{what: "Deployment and Pods of the client, From", reads: only(func(ctx context.Context, f *facts) { _, _ = f.clientPods(ctx) })}

	needDestinationRules    = need{what: "DestinationRules", reads: only(func(ctx context.Context, f *facts) { _, _ = f.destinationRules(ctx) })}
	needVirtualServices     = need{what: "VirtualServices", ofWorkload: true, reads: only(func(ctx context.Context, f *facts) { _, _ = f.virtualServices(ctx) })}
	needSidecars            = need{what: "Sidecars", ofWorkload: true, reads: only(func(ctx context.Context, f *facts) { _, _ = f.sidecars(ctx) })}
	needAuthorization       = need{what: "AuthorizationPolicies", ofWorkload: true, reads: only(func(ctx context.Context, f *facts) { _, _ = f.authorizationPolicies(ctx) })}
	needPeerAuthentications = need{what: "PeerAuthentications", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.peerAuthentications(ctx, s) })}
	needProbeRights         = need{what: "access reviews of the workload, From", ofWorkload: true, reads: only(func(ctx context.Context, f *facts) { probeRights(ctx, f) })}
	needASMMeshConfig       = need{what: "ASMMeshConfig default", ofASM: true, reads: only(func(ctx context.Context, f *facts) { asmRemoteControlPlane(ctx, f) })}
	needASMGateways         = need{what: "IstioGateways", ofASM: true, reads: only(func(ctx context.Context, f *facts) { asmGateway(ctx, f) })}
)

// need is something that checks read.
type need struct {
	what                       string // as the documentation calls it
	ofWorkload, ofASM, ofBound bool   // not read without a workload, where the mesh is not ASM, or for tokens in Secrets
	reads                      []read
}

type read func(context.Context, *facts)

func only(r read) []read { return []read{r} }

func both(r func(context.Context, *facts, *server)) []read {
	return []read{
		func(ctx context.Context, f *facts) { r(ctx, f, f.from) },
		func(ctx context.Context, f *facts) { r(ctx, f, f.to) },
	}
}

// lead is what reading ahead depends on.
type lead struct {
	from, to, config *cluster
	namespace        string
	hosted, bound    bool
	flavour          Flavour
	endpoint         string
	workload         Workload
}

// readAhead makes the requests of all checks at once, so that none waits for one after the other. What is read ahead of a
// cluster for one link is there for all others, or on its way.
func (c *Checker) readAhead(ctx context.Context, f *facts) {
	from, to := lead{from: f.from.cluster}, lead{to: f.to.cluster}
	for _, l := range []*lead{&from, &to} {
		l.config, l.namespace, l.hosted, l.bound, l.flavour, l.endpoint = f.config.cluster, f.from.Namespace, f.From.Hosted, f.Bound, f.Flavour, f.Endpoint.Server
		if f.Workload != nil {
			l.workload = *f.Workload
		}
	}
	from.endpoint = ""
	c.mu.Lock()
	read := c.ahead[from] && c.ahead[to]
	c.ahead[from], c.ahead[to] = true, true // who comes meanwhile waits for each fact when it needs that
	c.mu.Unlock()
	if read {
		return
	}
	var wg sync.WaitGroup
	for _, r := range f.reads() {
		wg.Go(func() { r.start(ctx, f) })
	}
	wg.Wait()
	if ctx.Err() != nil { // others have more time
		c.mu.Lock()
		delete(c.ahead, from)
		delete(c.ahead, to)
		c.mu.Unlock()
	}
}

// start makes the requests; what comes of them, a panic too, is met by the checks.
func (r read) start(ctx context.Context, f *facts) {
	defer func() { _ = recover() }()
	r(ctx, f)
}

// reads of all checks that apply, each once.
func (f *facts) reads() []read {
	var all []read
	seen := map[string]bool{}
	for _, c := range table {
		for _, n := range c.needs {
			if seen[n.what] || n.ofWorkload && f.Workload == nil || n.ofASM && f.Flavour != ASM || n.ofBound && !f.Bound {
				continue
			}
			seen[n.what] = true
			all = append(all, n.reads...)
		}
	}
	return all
}
