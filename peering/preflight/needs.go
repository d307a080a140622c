package preflight

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What checks read. Every read is started at once, so that no check waits for one after the other; requests that need the
// answer of another first form chains of at most three.
var (
	needKubeSystem      = need{what: "Namespace kube-system, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = get(ctx, s, namespace(metav1.NamespaceSystem)) })}
	needSystemNamespace = need{what: "system Namespace, both", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = get(ctx, s, namespace(f.from.Namespace)) })}
	needSystemPods      = need{what: "Pods of the system namespace, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.systemPods(ctx) })}
	needMesh            = need{what: "ConfigMap istio[-revision], both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.mesh(ctx) })}
	needRoots           = need{what: "ConfigMap istio-ca-root-cert, both", reads: both(func(ctx context.Context, f *facts, s *server) { _, _ = f.roots(ctx, s) })}
	needVersion         = need{what: "/version, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = s.ask(ctx, "/version") })}
	needResources       = need{what: "/api/v1, To", reads: only(func(ctx context.Context, f *facts) { _, _ = f.to.ask(ctx, "/api/v1") })}
	needRights          = need{what: "access reviews, both", reads: []read{
		func(ctx context.Context, f *facts) { f.lacking(ctx, f.from, f.rightsInFrom(), false) },
		func(ctx context.Context, f *facts) { f.lacking(ctx, f.to, f.rightsInTo(), true) },
	}}
	needHandshake = need{what: "TLS handshake, To"} // made by the one check that needs it
	needInput     = need{what: "the Input"}
	needClusterIP = need{what: "Service default/kubernetes, both, if the Endpoint is an IP address", reads: only(func(ctx context.Context, f *facts) { f.clusterIP(ctx) })}

	needRemoteSecrets = need{what: "remote Secrets, From", reads: only(func(ctx context.Context, f *facts) { _, _ = f.remoteSecrets(ctx) })}
	needOwnSecret     = need{what: "the link's Secret, From", reads: only(func(ctx context.Context, f *facts) { _, _ = get(ctx, f.from, secret(f.from.Namespace, f.SecretName)) })}

	needGatewayServices = need{what: "Services labelled with a network, both", reads: both(func(ctx context.Context, _ *facts, s *server) { _, _ = list(ctx, s, service("", ""), labelNetwork) })}
	needGatewayAPI      = need{what: "Gateways of the Gateway API and nodes of a NodePort gateway, both", reads: append(
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
	needProbeRights         = need{what: "access reviews of the workload, From"}
	needASMMeshConfig       = need{what: "ASMMeshConfig default", ofASM: true, reads: only(func(ctx context.Context, f *facts) { asmRemoteControlPlane(ctx, f) })}
	needASMGateways         = need{what: "IstioGateways", ofASM: true, reads: only(func(ctx context.Context, f *facts) { asmGateway(ctx, f) })}
)

// need is something that checks read.
type need struct {
	what              string // as the documentation calls it
	ofWorkload, ofASM bool   // not read without a workload, or where the mesh is not ASM
	reads             []read
}

type read func(context.Context, *facts)

func only(r read) []read { return []read{r} }

func both(r func(context.Context, *facts, *server)) []read {
	return []read{
		func(ctx context.Context, f *facts) { r(ctx, f, f.from) },
		func(ctx context.Context, f *facts) { r(ctx, f, f.to) },
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
			if seen[n.what] || n.ofWorkload && f.Workload == nil || n.ofASM && f.Flavour != ASM {
				continue
			}
			seen[n.what] = true
			all = append(all, n.reads...)
		}
	}
	return all
}
