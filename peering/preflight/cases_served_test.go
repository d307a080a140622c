package preflight_test

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// servedBy makes the istiods of clusters serve the proxies of a side.
func servedBy(m *memory, clusters string) {
	of[*corev1.Namespace](m, "istio-system").Annotations = map[string]string{"topology.istio.io/controlPlaneClusters": clusters}
}

func rulesOf(p rbac.Profile) []rbacv1.PolicyRule {
	reader, err := rbac.Render(rbac.Options{Profile: p})
	if err != nil {
		panic(err)
	}
	return reader.ClusterRole.Rules
}

// served makes To a cluster that the istiod of From serves, in order, before it is peered: nothing with a proxy runs there.
func served(change func(*world)) func(*world) {
	return func(w *world) {
		servedBy(w.to, "cluster-2")
		setEnv(istiodOf(w), "EXTERNAL_ISTIOD", "true")
		w.in.Rules, w.in.Flavour, w.in.Config, w.in.Workload = rulesOf(rbac.RemoteControlPlane), preflight.Upstream, nil, nil
		w.to.remove("ConfigMap", "istio")
		for _, root := range []*memory{w.from, w.to} {
			root.add(&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-ca-root-cert"), Data: of[*corev1.ConfigMap](w.from, "istio-ca-root-cert").Data})
		}
		if change != nil {
			change(w)
		}
	}
}

func servedCases() []one {
	withoutGateway := served(func(w *world) { w.to.remove("Service", "eastwest") })
	return []one{
		{"served-cluster", "in order", served(nil), probe.Passed, "the istiod of cluster-2 may serve it"},
		{"served-cluster", "by all", served(func(w *world) { servedBy(w.to, "*") }), probe.Passed, "may serve it"},
		{"served-cluster", "by several", served(func(w *world) { servedBy(w.to, "cluster-3,cluster-2") }), probe.Passed, "may serve it"},
		{"served-cluster", "by another", served(func(w *world) { servedBy(w.to, "cluster-3"); w.in.Rules = rulesOf(rbac.ASM) }), probe.Passed, "need not serve it"},
		{"served-cluster", "role of ASM", served(func(w *world) { w.in.Rules = rulesOf(rbac.ASM) }), probe.Failed, "lacks what that takes: get,list,watch,update mutatingwebhookconfigurations"},
		{"served-cluster", "minimal role", served(func(w *world) { w.in.Rules = rulesOf(rbac.Minimal) }), probe.Failed, "create tokenreviews"},
		{"served-cluster", "role of somebody else", served(func(w *world) { w.in.Rules = nil }), probe.Unknown, "the role of the account is not known here"},
		{"served-cluster", "istiod does not know", served(func(w *world) { setEnv(istiodOf(w), "EXTERNAL_ISTIOD", "") }), probe.Warned, `EXTERNAL_ISTIOD=""`},
		{"served-cluster", "istiod not found", served(func(w *world) { w.from.remove("Pod", "istiod-1") }), probe.Unknown, "no Pod"},
		{"served-cluster", "forbidden", served(func(w *world) { w.to.forbid("Namespace") }), probe.Unknown, "forbidden"},

		{"istiod-present", "served by another cluster", func(w *world) {
			servedBy(w.from, "cluster-3")
			w.from.remove("Pod", "istiod-1")
		}, probe.Failed, "its proxies are served by that of cluster-3"},

		{"gateway-address", "of a served cluster", withoutGateway, probe.Warned, "no Service is labelled"},
		{"gateway-passthrough", "of a served cluster", withoutGateway, probe.Warned, "no Gateway has a server"},
		{"gateway-ready", "of a served cluster", served(func(w *world) { w.to.remove("EndpointSlice", "eastwest-1") }), probe.Warned, "no ready endpoint"},
		{"gateway-passthrough", "configured where its istiod is", served(func(w *world) {
			w.from.add(w.config.objects...)
		}), probe.Passed, "cluster-2 Gateway/istio-system/cross-network-gateway"},
		{"gateway-passthrough", "configured elsewhere", served(func(w *world) { servedBy(w.to, "cluster-3") }), probe.Unknown, "Input.Config is not given"},

		{"root-ca", "of a served cluster", served(func(w *world) { w.to.remove("ConfigMap", "istio-ca-root-cert") }), probe.Skipped, "writes its root there"},
		{"root-ca", "of a cluster that another one serves", served(func(w *world) {
			servedBy(w.to, "cluster-3")
			w.to.remove("ConfigMap", "istio-ca-root-cert")
		}), probe.Unknown, "not found"},
		{"trust-domain", "of a served cluster", served(nil), probe.Passed, "both use trust domain td"},
	}
}
