package preflight_test

import (
	"net"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

func eastwest(w *world) *corev1.Service { return of[*corev1.Service](w.to, "eastwest") }

func expose(w *world) *networkingapi.Server {
	return of[*networkingv1.Gateway](w.config, "cross-network-gateway").Spec.Servers[0]
}

func upstream(w *world) { w.in.Flavour = preflight.Upstream }

func policy(selector map[string]string, types ...knetworkingv1.PolicyType) *knetworkingv1.NetworkPolicy {
	return &knetworkingv1.NetworkPolicy{TypeMeta: meta("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: named("istio-system", "limits"), Spec: knetworkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: selector}, PolicyTypes: types,
	}}
}

func typed(w *world, t corev1.ServiceType) {
	eastwest(w).Spec.Type = t
	eastwest(w).Status.LoadBalancer.Ingress = nil
}

// nodePort makes the gateway one that is reached through nodes.
func nodePort(annotation string, nodes ...preflight.Object) func(*world) {
	return func(w *world) {
		typed(w, corev1.ServiceTypeNodePort)
		eastwest(w).Spec.Ports[0].NodePort = 30443
		eastwest(w).Annotations = map[string]string{"traffic.istio.io/nodeSelector": annotation}
		w.to.add(nodes...)
	}
}

func externalNode(name, address string, labels ...string) *corev1.Node {
	n := internalNode(name, "10.0.0.9")
	n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: address})
	for _, l := range labels {
		n.Labels = map[string]string{l: "yes"}
	}
	return n
}

func internalNode(name, address string) *corev1.Node {
	n := &corev1.Node{TypeMeta: meta("v1", "Node"), ObjectMeta: metav1.ObjectMeta{Name: name}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}
	return n
}

// named1 has the load balancer tell a name in place of an address.
func named1(name string) func(*world) {
	return func(w *world) {
		eastwest(w).Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: name}}
	}
}

// ambient makes the client one of the ambient mesh.
func ambient(w *world) {
	demo(w.from).Labels = map[string]string{"istio.io/dataplane-mode": "ambient"}
	client(w).Spec.Containers, client(w).Annotations = nil, nil
}

var (
	tls15443 = map[string]any{"name": "cross", "port": int64(15443), "protocol": "TLS", "tls": map[string]any{"mode": "Passthrough"}}
	option   = map[string]any{"name": "cross", "port": int64(8443), "protocol": "TLS", "tls": map[string]any{
		"mode": "Passthrough", "options": map[string]any{"gateway.istio.io/listener-protocol": "auto-passthrough"},
	}}
	hbone = map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE"}
	plain = map[string]any{"name": "http", "port": int64(80), "protocol": "HTTP"}
)

// api has a Gateway of the Gateway API in place of the gateway's Service.
func api(class, address string, listeners ...any) func(*world) {
	return func(w *world) {
		w.to.remove("Service", "eastwest")
		spec := map[string]any{"gatewayClassName": class, "listeners": listeners}
		if address != "" {
			kind := "Hostname"
			if net.ParseIP(address) != nil {
				kind = "IPAddress"
			}
			spec["addresses"] = []any{map[string]any{"type": kind, "value": address}}
		}
		w.to.add(&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": gatewayAPI + "/v1", "kind": "Gateway", "spec": spec,
			"metadata": map[string]any{"namespace": "istio-system", "name": "api", "labels": map[string]any{"topology.istio.io/network": "network1"}},
		}})
	}
}

// beta serves the Gateways of the Gateway API as v1beta1 alone, to an istiod of a version.
func beta(version string) func(*world) {
	return func(w *world) {
		api("istio", "203.0.113.5", tls15443)(w)
		of[*unstructured.Unstructured](w.to, "api").SetAPIVersion(gatewayAPI + "/v1beta1")
		w.to.fails[gatewayAPI+"/v1 Gateway"] = notFound("Gateway")
		istiodOf(w).Spec.Containers[0].Image = "pilot:" + version
	}
}

func gatewayCases() []one {
	slice := func(w *world) *discoveryv1.EndpointSlice { return of[*discoveryv1.EndpointSlice](w.to, "eastwest-1") }
	yes, no := true, false
	return []one{
		{"gateway-address", "pending", func(w *world) { eastwest(w).Status.LoadBalancer.Ingress = nil }, probe.Failed, "no external address: its load balancer is pending"},
		{"gateway-address", "pending by class", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress = nil
			eastwest(w).Spec.LoadBalancerClass = new("tailscale")
		}, probe.Failed, `load balancer of class "tailscale" is pending`},
		{"gateway-address", "external IP", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress = nil
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, "203.0.113.9"},
		{"gateway-address", "ClusterIP with an external IP", func(w *world) {
			typed(w, corev1.ServiceTypeClusterIP)
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, "port 15443 at [\"203.0.113.9\"]"},
		{"gateway-address", "ClusterIP", func(w *world) { typed(w, corev1.ServiceTypeClusterIP) }, probe.Failed, "of type ClusterIP, which"},
		{"gateway-address", "headless", func(w *world) {
			typed(w, corev1.ServiceTypeClusterIP)
			eastwest(w).Spec.ClusterIP = corev1.ClusterIPNone
		}, probe.Failed, "ClusterIP and headless"},
		{"gateway-address", "ExternalName", func(w *world) { typed(w, corev1.ServiceTypeExternalName) }, probe.Failed, "of type ExternalName"},
		{"gateway-address", "node port without annotation", func(w *world) { typed(w, corev1.ServiceTypeNodePort) }, probe.Failed, "only with annotation traffic.istio.io/nodeSelector"},
		{"gateway-address", "node port", nodePort("{}", externalNode("n1", "198.51.100.1")), probe.Passed, `port 30443 at ["198.51.100.1"]`},
		{"gateway-address", "node port, empty annotation", nodePort("", externalNode("n1", "198.51.100.1")), probe.Passed, "198.51.100.1"},
		{"gateway-address", "node port by label", nodePort(`{"edge":"yes"}`, externalNode("n1", "198.51.100.1"), externalNode("n2", "198.51.100.2", "edge")), probe.Passed, `at ["198.51.100.2"]`},
		{"gateway-address", "node port, annotation is no JSON", nodePort("edge=yes", externalNode("n1", "198.51.100.1")), probe.Passed, "is not a JSON object of node labels, so istiod uses every node"},
		{"gateway-address", "node port, no such node", nodePort(`{"edge":"yes"}`, externalNode("n1", "198.51.100.1")), probe.Failed, "selects 0 of 1 nodes"},
		{"gateway-address", "node port, internal addresses", nodePort("{}", internalNode("n1", "10.0.0.1")), probe.Failed, "none of them has an address of type ExternalIP"},
		{"gateway-address", "node port with an external IP too", func(w *world) {
			nodePort("{}")(w)
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, `port 30443 at ["203.0.113.9"]`},
		{"gateway-address", "external IP of a node port without annotation", func(w *world) {
			typed(w, corev1.ServiceTypeNodePort)
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, `port 15443 at ["203.0.113.9"]`},
		{"gateway-address", "nodes forbidden", func(w *world) { nodePort("{}")(w); w.to.forbid("Node") }, probe.Unknown, "forbidden"},
		{"gateway-address", "name", named1("lb.example.com"), probe.Passed, "the istiod of cluster-2 must resolve lb.example.com itself"},
		{"gateway-address", "name that istiod does not resolve", func(w *world) {
			named1("lb.example.com")(w)
			setEnv(istiodOf(w), "RESOLVE_HOSTNAME_GATEWAYS", "false")
		}, probe.Failed, "RESOLVE_HOSTNAME_GATEWAYS=false"},
		{"gateway-address", "name and address", func(w *world) {
			named1("lb.example.com")(w)
			setEnv(istiodOf(w), "RESOLVE_HOSTNAME_GATEWAYS", "false")
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, `at ["203.0.113.9"]`},
		{"gateway-address", "internal name", named1("eastwest.istio-system.svc.cluster.local"), probe.Failed, "resolves in its own cluster only"},
		{"gateway-address", "IPv6 gateway, IPv4 client", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress[0].IP = "2001:db8::7"
			client(w).Status.PodIPs = []corev1.PodIP{{IP: "10.1.0.1"}}
		}, probe.Failed, "of an IP family that the client's proxies do not have"},
		{"gateway-address", "IPv6 gateway, dual-stack client", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress[0].IP = "2001:db8::7"
			client(w).Status.PodIPs = []corev1.PodIP{{IP: "10.1.0.1"}, {IP: "2001:db8:1::1"}}
		}, probe.Passed, "2001:db8::7"},
		{"gateway-address", "loopback", func(w *world) { eastwest(w).Status.LoadBalancer.Ingress[0].IP = "127.0.0.1" }, probe.Failed, "the client's own host"},

		{"gateway-address", "HBONE only, sidecar client", func(w *world) { eastwest(w).Spec.Ports[0].Port = 15008 }, probe.Failed, "does not listen on port 15443, which sidecars need"},
		{"gateway-address", "HBONE only, ambient client", func(w *world) { eastwest(w).Spec.Ports[0].Port = 15008; ambient(w) }, probe.Passed, "port 15008"},
		{"gateway-address", "passthrough only, ambient client", ambient, probe.Failed, "does not listen on port 15008, which ambient clients need"},
		{"gateway-address", "HBONE only, unknown client", func(w *world) { eastwest(w).Spec.Ports[0].Port = 15008; w.in.Workload = nil }, probe.Passed, "for ambient clients"},
		{"gateway-address", "HBONE only, unknown client, told apart", func(w *world) { eastwest(w).Spec.Ports[0].Port = 15008; w.in.Workload = nil }, probe.Warned, "which sidecars need"},
		{"gateway-address", "passthrough only, unknown client", func(w *world) { w.in.Workload = nil }, probe.Passed, "for sidecars"},
		{"gateway-address", "passthrough only, unknown client, told apart", func(w *world) { w.in.Workload = nil }, probe.Skipped, "ambient clients"},
		{"gateway-address", "both ports", func(w *world) {
			eastwest(w).Spec.Ports = append(eastwest(w).Spec.Ports, corev1.ServicePort{Port: 15008})
			ambient(w)
		}, probe.Passed, "port 15008"},
		{"gateway-address", "HBONE behind node ports", func(w *world) {
			nodePort("{}", externalNode("n1", "198.51.100.1"))(w)
			eastwest(w).Spec.Ports = append(eastwest(w).Spec.Ports, corev1.ServicePort{Port: 15008, NodePort: 30008})
			ambient(w)
		}, probe.Failed, "maps no HBONE port"},
		{"gateway-address", "port by label", func(w *world) {
			eastwest(w).Spec.Ports[0].Port = 443
			eastwest(w).Labels["networking.istio.io/gatewayPort"] = "443"
		}, probe.Passed, "port 443"},
		{"gateway-address", "port by label is HBONE's", func(w *world) {
			eastwest(w).Spec.Ports[0].Port = 15008
			eastwest(w).Labels["networking.istio.io/gatewayPort"] = "15008"
		}, probe.Failed, "istiod sends them to port 15008, which is for HBONE"},
		{"gateway-address", "port by label is none of its own", func(w *world) {
			eastwest(w).Labels["networking.istio.io/gatewayPort"] = "443"
		}, probe.Failed, "does not listen on port 443"},
		{"gateway-address", "port by label is no number", func(w *world) {
			eastwest(w).Labels["networking.istio.io/gatewayPort"] = "tls"
		}, probe.Passed, "port 15443"},
		{"gateway-address", "port remapped", func(w *world) {
			eastwest(w).Spec.Ports[0].Port = 443
			eastwest(w).Spec.Ports[0].TargetPort = intstr.FromInt32(15443)
		}, probe.Failed, "does not listen on port 15443"},
		{"gateway-address", "label forgotten", func(w *world) {
			upstream(w)
			delete(eastwest(w).Labels, "topology.istio.io/network")
		}, probe.Failed, "cluster-1 Service/istio-system/eastwest looks like one and lacks the label"},
		{"gateway-address", "namespace not discovered", func(w *world) {
			meshConfig(w.from, "trustDomain: td\ndiscoverySelectors: [{matchLabels: {mesh: main}}]\n")
		}, probe.Failed, "no discovery selector of cluster-2 matches namespace istio-system"},
		{"gateway-address", "one of two", func(w *world) {
			second := eastwest(w).DeepCopy()
			second.Name, second.Status = "second", corev1.ServiceStatus{}
			w.to.add(second)
		}, probe.Warned, "second: it has no external address"},
		{"gateway-address", "of another network", func(w *world) { upstream(w); eastwest(w).Labels["topology.istio.io/network"] = "network3" }, probe.Failed, "no Service is labelled as gateway of network network1"},
		{"gateway-address", "none under ASM", func(w *world) { w.to.remove("Service", "eastwest") }, probe.Unknown, "no Service is labelled"},
		{"gateway-address", "by meshNetworks", func(w *world) {
			w.to.remove("Service", "eastwest")
			of[*corev1.ConfigMap](w.from, "istio").Data["meshNetworks"] = "networks: {network1: {gateways: [{address: 203.0.113.8, port: 15443}]}}"
		}, probe.Passed, "meshNetworks of cluster-2"},
		{"gateway-address", "by meshNetworks, HBONE of its own comes first", func(w *world) {
			eastwest(w).Spec.Ports[0].Port = 15008
			of[*corev1.ConfigMap](w.from, "istio").Data["meshNetworks"] = "networks: {network1: {gateways: [{address: 203.0.113.8, port: 15443}]}}"
		}, probe.Failed, "which sidecars need"},
		{"gateway-address", "by registryServiceName", func(w *world) {
			delete(eastwest(w).Labels, "topology.istio.io/network")
			of[*corev1.ConfigMap](w.from, "istio").Data["meshNetworks"] = "networks: {network1: {endpoints: [{fromRegistry: cluster-1}], gateways: [{registryServiceName: eastwest.istio-system.svc.cluster.local, port: 15443}]}}"
		}, probe.Passed, "203.0.113.7"},
		{"gateway-address", "registryServiceName of none", func(w *world) {
			w.to.remove("Service", "eastwest")
			of[*corev1.ConfigMap](w.from, "istio").Data["meshNetworks"] = "networks: {network1: {endpoints: [{fromRegistry: cluster-1}], gateways: [{registryServiceName: eastwest.istio-system.svc.cluster.local, port: 15443}]}}"
		}, probe.Failed, "it does not exist"},
		{"gateway-address", "mesh configuration forbidden", func(w *world) { w.to.remove("Service", "eastwest"); w.from.forbid("ConfigMap") }, probe.Unknown, "forbidden"},

		{"gateway-address", "Gateway API, passthrough", api("istio", "203.0.113.5", tls15443), probe.Passed, "cluster-1 Gateway/istio-system/api: port 15443"},
		{"gateway-address", "Gateway API, by option", api("istio", "203.0.113.5", option), probe.Passed, "port 8443"},
		{"gateway-address", "Gateway API, HBONE, ambient client", func(w *world) { api("istio-east-west", "203.0.113.5", hbone)(w); ambient(w) }, probe.Passed, "port 15008"},
		{"gateway-address", "Gateway API, HBONE, sidecar client", api("istio-east-west", "203.0.113.5", hbone), probe.Failed, "istiod sends them to port 15008, which is for HBONE"},
		{"gateway-address", "Gateway API, plain listener", api("istio", "203.0.113.5", plain), probe.Failed, "none of its listeners leads into the network"},
		{"gateway-address", "Gateway API, not deployed", api("istio", "", tls15443), probe.Failed, "its spec names no address"},
		{"gateway-address", "Gateway API, deployed", func(w *world) {
			svc := eastwest(w)
			api("istio", "", tls15443)(w)
			svc.Name = "api-istio"
			w.to.add(svc)
		}, probe.Passed, "Service/istio-system/api-istio"},
		{"gateway-address", "Gateway API, of the other cluster", api("istio-remote", "203.0.113.5", tls15443), probe.Failed, "reads in its own cluster only"},
		{"gateway-address", "Gateway API, of the reading cluster", func(w *world) {
			api("istio-remote", "203.0.113.5", tls15443)(w)
			w.from.add(of[*unstructured.Unstructured](w.to, "api"))
			w.to.remove("Gateway", "api")
		}, probe.Passed, "cluster-2 Gateway/istio-system/api"},
		{"gateway-address", "Gateway API, switched off", func(w *world) {
			api("istio", "203.0.113.5", tls15443)(w)
			setEnv(istiodOf(w), "PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API", "false")
		}, probe.Failed, "DISCOVER_GATEWAY_API=false"},
		{"gateway-address", "Gateway API, v1beta1 alone, which istiod reads", beta("1.25.2"), probe.Passed, "cluster-1 Gateway/istio-system/api"},
		{"gateway-address", "Gateway API, v1beta1 alone, which some istiod reads", func(w *world) {
			beta("1.31.0")(w)
			w.in.IstioVersions = []string{"1.31.0", "1.25.2"}
		}, probe.Passed, "cluster-1 Gateway/istio-system/api"},
		{"gateway-address", "Gateway API, v1beta1 alone, which nobody knows whether istiod reads", beta("lab"), probe.Passed, "cluster-1 Gateway/istio-system/api"},
		{"gateway-address", "Gateway API, v1beta1 alone, which istiod does not read", beta("1.31.0-alpha.1"), probe.Unknown, "no Service is labelled"},
		{"gateway-address", "Gateway API not served", func(w *world) { w.to.fails["Gateway."+gatewayAPI] = notFound("Gateway") }, probe.Passed, "203.0.113.7"},
		{"gateway-address", "Gateway API forbidden", func(w *world) { w.to.forbid("Gateway." + gatewayAPI) }, probe.Unknown, "forbidden"},
		{"gateway-address", "Gateway API unreadable", func(w *world) {
			api("istio", "203.0.113.5", tls15443)(w)
			of[*unstructured.Unstructured](w.to, "api").Object["spec"] = map[string]any{"listeners": "x"}
		}, probe.Unknown, "Gateway/istio-system/api"},

		{"gateway-names", "name", named1("lb.example.com"), probe.Unknown, "by name only (lb.example.com)"},
		{"gateway-names", "name and address", func(w *world) {
			named1("lb.example.com")(w)
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Unknown, "some of its addresses are names"},
		{"gateway-names", "switched off", func(w *world) {
			named1("lb.example.com")(w)
			setEnv(istiodOf(w), "RESOLVE_HOSTNAME_GATEWAYS", "false")
		}, probe.Warned, "RESOLVE_HOSTNAME_GATEWAYS=false"},
		{"gateway-names", "none", func(w *world) { w.to.remove("Service", "eastwest") }, probe.Unknown, "no gateway is known"},
		{"gateway-names", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{"gateway-address", "one network", func(w *world) { setNetwork(w.from, "network1", "sleep-1") }, probe.Skipped, "both clusters are in network network1"},
		{"gateway-address", "flat upstream", func(w *world) { upstream(w); setNetwork(w.to, "") }, probe.Skipped, "no gateway is used"},
		{"gateway-address", "unset under ASM", func(w *world) { setNetwork(w.to, "") }, probe.Unknown, "names no network"},
		{"gateway-address", "network forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"gateway-address", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{"gateway-ready", "none ready", func(w *world) { slice(w).Endpoints[0].Conditions.Ready = &no }, probe.Failed, "no ready endpoint"},
		{"gateway-ready", "one of two", func(w *world) {
			second := eastwest(w).DeepCopy()
			second.Name = "second"
			w.to.add(second)
		}, probe.Warned, "second: no ready endpoint"},
		{"gateway-ready", "without selector", func(w *world) { eastwest(w).Spec.Selector = nil; w.to.remove("EndpointSlice", "eastwest-1") }, probe.Unknown, "no selector"},
		{"gateway-ready", "ready", func(w *world) { slice(w).Endpoints[0].Conditions.Ready = &yes }, probe.Passed, "1 ready"},
		{"gateway-ready", "slices forbidden", func(w *world) { w.to.forbid("EndpointSlice") }, probe.Unknown, "forbidden"},
		{"gateway-ready", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},
		{"gateway-ready", "no Service", func(w *world) { w.to.remove("Service", "eastwest") }, probe.Unknown, "no Service"},

		{"gateway-passthrough", "terminates TLS", func(w *world) { upstream(w); expose(w).Tls.Mode = networkingapi.ServerTLSSettings_SIMPLE }, probe.Failed, "AUTO_PASSTHROUGH"},
		{"gateway-passthrough", "other hosts", func(w *world) { upstream(w); expose(w).Hosts = []string{"*.com", "other/*.local", "./*.local"} }, probe.Failed, "does not cover the service"},
		{"gateway-passthrough", "hosts of the namespace", func(w *world) { expose(w).Hosts = []string{"demo/*"} }, probe.Passed, "demo/*"},
		{"gateway-passthrough", "other port", func(w *world) { upstream(w); expose(w).Port.Number = 443 }, probe.Failed, "another port"},
		{"gateway-passthrough", "target port", func(w *world) {
			expose(w).Port.Number = 8443
			eastwest(w).Spec.Ports[0].TargetPort = intstr.FromInt32(8443)
		}, probe.Passed, "lets calls"},
		{"gateway-passthrough", "Service without its port", func(w *world) {
			upstream(w)
			eastwest(w).Spec.Ports[0].Port = 443
		}, probe.Passed, "lets calls"},
		{"gateway-passthrough", "other Pods", func(w *world) {
			upstream(w)
			of[*networkingv1.Gateway](w.config, "cross-network-gateway").Spec.Selector["istio"] = "ingressgateway"
		}, probe.Failed, "selects none"},
		{"gateway-passthrough", "no workload", func(w *world) { w.in.Workload = nil; expose(w).Hosts = []string{"x.local"} }, probe.Passed, "x.local"},
		{"gateway-passthrough", "second of two", func(w *world) {
			first := of[*networkingv1.Gateway](w.config, "cross-network-gateway").DeepCopy()
			first.Name, first.Spec.Servers[0].Port.Number = "a", 443
			w.config.objects = append([]preflight.Object{first}, w.config.objects...)
		}, probe.Passed, "lets calls"},
		{"gateway-passthrough", "Gateway API", func(w *world) {
			w.config.remove("Gateway", "cross-network-gateway")
			svc := eastwest(w)
			api("istio", "", tls15443)(w)
			svc.Name = "api-istio"
			w.to.add(svc)
		}, probe.Passed, "its listener cross on port 15443"},
		{"gateway-passthrough", "Gateway API, by hand", func(w *world) {
			w.config.remove("Gateway", "cross-network-gateway")
			svc := eastwest(w)
			api("istio", "eastwest.istio-system.svc.cluster.local", tls15443)(w)
			w.to.add(svc)
		}, probe.Passed, "its listener cross"},
		{"gateway-passthrough", "ambient client", tunnel("istio-east-west", "Terminate", "203.0.113.9"), probe.Passed, "takes calls of ambient clients"},
		{"gateway-passthrough", "ambient client, other class", tunnel("istio", "Terminate", "203.0.113.9"), probe.Failed, "of class istio,"},
		{"gateway-passthrough", "ambient client, TLS not ended", tunnel("istio-east-west", "Passthrough", "203.0.113.9"), probe.Failed, "does not end TLS"},
		{"gateway-passthrough", "ambient client, not deployed", tunnel("istio-east-west", "Terminate", ""), probe.Failed, "no address in its status"},
		{"gateway-passthrough", "ambient client, other network", func(w *world) {
			tunnel("istio-east-west", "Terminate", "203.0.113.9")(w)
			of[*unstructured.Unstructured](w.to, "tunnel").SetLabels(nil)
		}, probe.Failed, "protocol HBONE"},
		{"gateway-passthrough", "ambient client, remote class in To", tunnel("istio-remote", "Terminate", "203.0.113.9"), probe.Failed, "of class istio-remote"},
		{"gateway-passthrough", "ambient client, remote class in From", func(w *world) {
			tunnel("istio-remote", "", "203.0.113.9")(w)
			w.from.add(of[*unstructured.Unstructured](w.to, "tunnel"))
			w.to.remove("Gateway", "tunnel")
		}, probe.Passed, "cluster-2 Gateway/istio-system/tunnel"},
		{"gateway-passthrough", "ambient client, own class in From", func(w *world) {
			tunnel("istio-east-west", "Terminate", "203.0.113.9")(w)
			w.from.add(of[*unstructured.Unstructured](w.to, "tunnel"))
			w.to.remove("Gateway", "tunnel")
		}, probe.Failed, "protocol HBONE"},
		{"gateway-passthrough", "ambient client without HBONE", func(w *world) { upstream(w); ambient(w) }, probe.Failed, "protocol HBONE"},
		{"gateway-passthrough", "none under ASM", func(w *world) { w.config.remove("Gateway", "cross-network-gateway") }, probe.Unknown, "no Gateway has"},
		{"gateway-passthrough", "no gateway to compare with", func(w *world) { w.to.remove("Service", "eastwest") }, probe.Unknown, "could not be seen"},
		{"gateway-passthrough", "Pods forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "could not be seen"},
		{"gateway-passthrough", "not given", func(w *world) { w.in.Config = nil }, probe.Unknown, "Input.Config"},

		{"gateway-restrictions", "source ranges", func(w *world) { eastwest(w).Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} }, probe.Warned, "192.0.2.0/24"},
		{"gateway-restrictions", "policy", func(w *world) {
			w.to.add(policy(map[string]string{"istio": "eastwestgateway"}, knetworkingv1.PolicyTypeIngress))
		}, probe.Warned, "NetworkPolicy/istio-system/limits"},
		{"gateway-restrictions", "policy of what leaves", func(w *world) { w.to.add(policy(nil, knetworkingv1.PolicyTypeEgress)) }, probe.Passed, "neither"},
		{"gateway-restrictions", "policy of others", func(w *world) { w.to.add(policy(map[string]string{"app": "x"})) }, probe.Passed, "neither"},
		{"gateway-restrictions", "policies forbidden", func(w *world) { w.to.forbid("NetworkPolicy") }, probe.Unknown, "forbidden"},
		{"gateway-restrictions", "Pods forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "forbidden"},
		{"gateway-restrictions", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},
		{"gateway-restrictions", "no Service", func(w *world) { w.to.remove("Service", "eastwest") }, probe.Unknown, "no Service"},
	}
}

// tunnel adds a Gateway for ambient clients, with an address in its status if one is given.
func tunnel(class, mode, address string) func(*world) {
	return func(w *world) {
		upstream(w)
		ambient(w)
		g := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
			"spec": map[string]any{"gatewayClassName": class, "listeners": []any{
				map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE", "tls": map[string]any{"mode": mode}},
			}},
		}}
		if address != "" {
			g.Object["status"] = map[string]any{"addresses": []any{map[string]any{"type": "IPAddress", "value": address}}}
		}
		g.SetNamespace("istio-system")
		g.SetName("tunnel")
		g.SetLabels(map[string]string{"topology.istio.io/network": "network1"})
		w.to.add(g)
	}
}
