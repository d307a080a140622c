package preflight_test

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func gatewayCases() []one {
	slice := func(w *world) *discoveryv1.EndpointSlice { return of[*discoveryv1.EndpointSlice](w.to, "eastwest-1") }
	yes, no := true, false
	return []one{
		{"gateway-address", "pending", func(w *world) { eastwest(w).Status.LoadBalancer.Ingress = nil }, probe.Failed, "no external address"},
		{"gateway-address", "external IP", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress = nil
			eastwest(w).Spec.ExternalIPs = []string{"203.0.113.9"}
		}, probe.Passed, "203.0.113.9"},
		{"gateway-address", "node port", func(w *world) {
			eastwest(w).Status.LoadBalancer.Ingress = nil
			eastwest(w).Spec.Type = corev1.ServiceTypeNodePort
			eastwest(w).Annotations = map[string]string{"traffic.istio.io/nodeSelector": "{}"}
		}, probe.Passed, "nodes"},
		{"gateway-address", "HBONE only", func(w *world) { eastwest(w).Spec.Ports[0].Port = 15008 }, probe.Failed, "does not listen on port 15443"},
		{"gateway-address", "port by label", func(w *world) {
			eastwest(w).Spec.Ports[0].Port = 15008
			eastwest(w).Labels["networking.istio.io/gatewayPort"] = "15008"
		}, probe.Passed, "port 15008"},
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
		{"gateway-address", "one network", func(w *world) { setNetwork(w.from, "network1", "sleep-1") }, probe.Skipped, "both clusters are in network network1"},
		{"gateway-address", "flat upstream", func(w *world) { upstream(w); setNetwork(w.to, "") }, probe.Skipped, "no gateway is used"},
		{"gateway-address", "unset under ASM", func(w *world) { setNetwork(w.to, "") }, probe.Unknown, "names no network"},
		{"gateway-address", "network forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"gateway-address", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{"gateway-ready", "none ready", func(w *world) { slice(w).Endpoints[0].Conditions.Ready = &no }, probe.Failed, "no ready endpoint"},
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
