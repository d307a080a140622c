package preflight_test

import (
	"encoding/json"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/probe"
)

func sidecar(namespace, name string, selector map[string]string, hosts ...string) *networkingv1.Sidecar {
	s := &networkingv1.Sidecar{TypeMeta: meta("networking.istio.io/v1beta1", "Sidecar"), ObjectMeta: named(namespace, name)}
	if selector != nil {
		s.Spec.WorkloadSelector = &networkingapi.WorkloadSelector{Labels: selector}
	}
	s.Spec.Egress = []*networkingapi.IstioEgressListener{{Hosts: hosts}}
	return s
}

func outliers(r *networkingapi.DestinationRule) {
	r.TrafficPolicy = &networkingapi.TrafficPolicy{OutlierDetection: &networkingapi.OutlierDetection{}}
}

// pinned is a subset of one cluster.
func pinned(w *world) {
	w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) {
		r.Subsets = []*networkingapi.Subset{{Name: "near", Labels: map[string]string{"topology.istio.io/cluster": "cluster-2"}}, {Name: "all"}}
	}))
}

func route(subset string, change func(*networkingapi.VirtualService)) *networkingv1.VirtualService {
	v := &networkingv1.VirtualService{TypeMeta: meta("networking.istio.io/v1beta1", "VirtualService"), ObjectMeta: named("demo", "routes")}
	to := &networkingapi.Destination{Host: "httpbin", Subset: subset}
	v.Spec.Hosts = []string{"httpbin"}
	v.Spec.Http = []*networkingapi.HTTPRoute{{Route: []*networkingapi.HTTPRouteDestination{{Destination: to}}}}
	v.Spec.Tcp = []*networkingapi.TCPRoute{{Route: []*networkingapi.RouteDestination{{Destination: to}}}}
	v.Spec.Tls = []*networkingapi.TLSRoute{{Route: []*networkingapi.RouteDestination{{Destination: to}}}}
	if change != nil {
		change(&v.Spec)
	}
	return v
}

func trafficCases() []one {
	near := "PreferClose"
	const local, exported, discovered, egress, pin = "cluster-local", "service-exported", "namespace-discovered", "sidecar-egress", "virtual-service-pinning"
	settings := func(text string) func(*world) {
		return func(w *world) { meshConfig(w.from, "serviceSettings: ["+text+"]") }
	}
	return []one{
		{"locality", "outlier detection", func(w *world) { w.config.add(rule("demo", "httpbin", outliers)) }, probe.Warned, "outlier detection"},
		{"locality", "off in the mesh", func(w *world) {
			meshConfig(w.from, "localityLbSetting: {enabled: false}")
			w.config.add(rule("demo", "httpbin", outliers))
		}, probe.Passed, "nothing prefers"},
		{"locality", "off in the rule", func(w *world) {
			w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) {
				outliers(r)
				r.TrafficPolicy.LoadBalancer = &networkingapi.LoadBalancerSettings{}
				_ = json.Unmarshal([]byte(`{"localityLbSetting":{"enabled":false}}`), r.TrafficPolicy.LoadBalancer)
			}))
		}, probe.Passed, "nothing prefers"},
		{"locality", "traffic distribution", func(w *world) { httpbin(w.from).Spec.TrafficDistribution = &near }, probe.Warned, "PreferClose"},
		{"locality", "annotation", func(w *world) {
			httpbin(w.from).Annotations = map[string]string{"networking.istio.io/traffic-distribution": "PreferSameZone"}
		}, probe.Warned, "PreferSameZone"},
		{"locality", "no service", func(w *world) { w.from.forbid("Service") }, probe.Unknown, "forbidden"},
		{"locality", "forbidden", func(w *world) { w.config.forbid("DestinationRule") }, probe.Unknown, "forbidden"},

		{local, "set", settings("{settings: {clusterLocal: true}, hosts: ['*.demo.svc.cluster.local']}"), probe.Failed, "serviceSettings host *.demo.svc.cluster.local"},
		{local, "plain host counts more", settings("{settings: {clusterLocal: false}, hosts: [httpbin.demo.svc.cluster.local]}, {settings: {clusterLocal: true}, hosts: ['*.demo.svc.cluster.local']}"), probe.Passed, "may be answered"},
		{local, "longer star counts more", settings("{settings: {clusterLocal: false}, hosts: ['*.local']}, {settings: {clusterLocal: true}, hosts: ['*.demo.svc.cluster.local']}"), probe.Failed, "*.demo"},
		{local, "kube-system", func(w *world) { w.in.Workload.Namespace = "kube-system" }, probe.Failed, "by default"},
		{local, "kube-system, no mesh configuration", func(w *world) { w.in.Workload.Namespace = "kube-system"; w.from.forbid("ConfigMap") }, probe.Failed, "by default"},
		{local, "kubernetes", func(w *world) { w.in.Workload.Namespace, w.in.Workload.Service = "default", "kubernetes" }, probe.Failed, "by default"},
		{local, "other DNS domain", func(w *world) {
			settings("{settings: {clusterLocal: true}, hosts: [httpbin.demo.svc.example.org]}")(w)
			w.in.Workload.DomainSuffix = "example.org"
		}, probe.Failed, "example.org"},
		{local, "forbidden", func(w *world) { w.from.forbid("ConfigMap") }, probe.Unknown, "forbidden"},
		{local, "no YAML", func(w *world) { meshConfig(w.from, "a: [") }, probe.Unknown, "key mesh"},
		{local, "no YAML of networks", func(w *world) { meshNetworks(w.from, "a: [") }, probe.Unknown, "key meshNetworks"},

		{local, "ambient, of all clusters", global(nil), probe.Passed, "of scope GLOBAL"},
		{local, "ambient, of its own", global(func(w *world) { of[*corev1.Service](w.to, "httpbin").Labels = nil }), probe.Failed, "makes it GLOBAL"},
		{local, "ambient, by the namespace", global(func(w *world) {
			meshConfig(w.from, "serviceScopeConfigs: [{scope: GLOBAL, namespaceSelector: {matchLabels: {share: all}}}]\n")
			demo(w.to).Labels["share"] = "all"
		}), probe.Passed, "of scope GLOBAL"},
		{local, "ambient, another namespace", global(func(w *world) {
			meshConfig(w.from, "serviceScopeConfigs: [{scope: GLOBAL, namespaceSelector: {matchLabels: {share: all}}}]\n")
		}), probe.Failed, "makes it GLOBAL"},
		{local, "ambient, of scope LOCAL", global(func(w *world) {
			meshConfig(w.from, "serviceScopeConfigs: [{scope: LOCAL}]\n")
		}), probe.Failed, "makes it GLOBAL"},
		{local, "ambient, of one network", global(func(w *world) { setEnv(istiodOf(w), "AMBIENT_ENABLE_MULTI_NETWORK", "") }), probe.Failed, `AMBIENT_ENABLE_MULTI_NETWORK=""`},
		{local, "ambient, setting from elsewhere", global(func(w *world) {
			c := &istiodOf(w).Spec.Containers[0]
			c.Env, c.EnvFrom = c.Env[:1], []corev1.EnvFromSource{{}}
		}), probe.Unknown, "comes from elsewhere"},
		{exported, "nowhere", func(w *world) { httpbin(w.to).Annotations = map[string]string{"networking.istio.io/exportTo": "~"} }, probe.Failed, `exported to ["~"] only`},
		{exported, "own namespace", func(w *world) { httpbin(w.to).Annotations = map[string]string{"networking.istio.io/exportTo": "."} }, probe.Passed, "demo"},
		{exported, "by default", func(w *world) { meshConfig(w.from, "defaultServiceExportTo: [other]") }, probe.Failed, `exported to ["other"] only`},
		{exported, "named", func(w *world) {
			w.in.Workload.ClientNamespace = "web"
			httpbin(w.to).Annotations = map[string]string{"networking.istio.io/exportTo": "a, web"}
		}, probe.Passed, "namespace web"},
		{exported, "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{discovered, "not", func(w *world) { meshConfig(w.from, "discoverySelectors: [{matchLabels: {mesh: 'yes'}}]") }, probe.Failed, "no discovery selector"},
		{discovered, "by expression", func(w *world) {
			meshConfig(w.from, "discoverySelectors: [{matchExpressions: [{key: istio-injection, operator: In, values: [enabled]}]}]")
		}, probe.Passed, "a discovery selector"},
		{discovered, "selector that is none", func(w *world) {
			meshConfig(w.from, "discoverySelectors: [{matchExpressions: [{key: a, operator: Is}]}]")
		}, probe.Failed, "no discovery selector"},
		{discovered, "namespace forbidden", func(w *world) {
			meshConfig(w.from, "discoverySelectors: [{matchLabels: {mesh: 'yes'}}]")
			w.to.forbid("Namespace")
		}, probe.Unknown, "forbidden"},
		{discovered, "forbidden", func(w *world) { w.from.forbid("ConfigMap") }, probe.Unknown, "forbidden"},

		{egress, "left out", func(w *world) {
			w.config.add(sidecar("demo", "default", nil, "istio-system/*", "./other.demo.svc.cluster.local"))
		}, probe.Failed, "do not cover httpbin.demo.svc.cluster.local"},
		{egress, "own namespace", func(w *world) { w.config.add(sidecar("demo", "default", nil, "./*")) }, probe.Passed, "covers the service"},
		{egress, "of the client counts more", func(w *world) {
			w.config.add(sidecar("demo", "default", nil, "*/*"), sidecar("demo", "sleep", map[string]string{"app": "sleep"}, "~/*"))
		}, probe.Failed, "Sidecar/demo/sleep"},
		{egress, "of another client", func(w *world) { w.config.add(sidecar("demo", "x", map[string]string{"app": "x"}, "~/*")) }, probe.Passed, "no Sidecar"},
		{egress, "of the mesh", func(w *world) { w.config.add(sidecar("istio-system", "default", nil, "~/*")) }, probe.Failed, "istio-system/default"},
		{egress, "forbidden", func(w *world) { w.config.forbid("Sidecar") }, probe.Unknown, "forbidden"},

		{pin, "pinned", func(w *world) { pinned(w); w.config.add(route("near", nil)) }, probe.Warned, "subset near keeps calls in cluster cluster-2"},
		{pin, "other subset", func(w *world) { pinned(w); w.config.add(route("all", nil)) }, probe.Passed, "no VirtualService"},
		{pin, "of a gateway", func(w *world) {
			pinned(w)
			w.config.add(route("near", func(v *networkingapi.VirtualService) { v.Gateways = []string{"ingress"} }))
		}, probe.Passed, "no VirtualService"},
		{pin, "rules forbidden", func(w *world) { w.config.forbid("DestinationRule") }, probe.Unknown, "forbidden"},
		{pin, "forbidden", func(w *world) { w.config.forbid("VirtualService") }, probe.Unknown, "forbidden"},
	}
}

// global makes the client one of the ambient mesh, and the service one of all clusters.
func global(change func(*world)) func(*world) {
	return func(w *world) {
		ambient(w)
		setEnv(istiodOf(w), "AMBIENT_ENABLE_MULTI_NETWORK", "true")
		meshConfig(w.from, "trustDomain: td\nserviceScopeConfigs: [{scope: GLOBAL, servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: [\"true\"]}]}}]\n")
		of[*corev1.Service](w.to, "httpbin").Labels = map[string]string{"istio.io/global": "true"}
		if change != nil {
			change(w)
		}
	}
}
