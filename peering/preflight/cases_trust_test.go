package preflight_test

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

func meshConfig(m *memory, mesh string) {
	of[*corev1.ConfigMap](m, "istio").Data["mesh"] = mesh
}

func setNetwork(m *memory, network string, pods ...string) {
	of[*corev1.Namespace](m, "istio-system").Labels["topology.istio.io/network"] = network
	for _, name := range pods {
		setEnv(of[*corev1.Pod](m, name), "ISTIO_META_NETWORK", network)
	}
}

func trustCases() []one {
	bundle := func(m *memory) *corev1.ConfigMap { return of[*corev1.ConfigMap](m, "istio-ca-root-cert") }
	return []one{
		{"root-ca", "disjoint", func(w *world) { bundle(w.to).Data["root-cert.pem"] = expiring(9 * year) }, probe.Failed, "they have no root in common"},
		{"root-ca", "expired", func(w *world) { both(w, expiring(-day)) }, probe.Failed, "expired at 2026-08-31"},
		{"root-ca", "expires", func(w *world) { both(w, expiring(10*day)) }, probe.Warned, "expires at 2026-09-11"},
		{"root-ca", "one more", func(w *world) { bundle(w.to).Data["root-cert.pem"] += expiring(9 * year) }, probe.Warned, "they share 1 roots"},
		{"root-ca", "no config map", func(w *world) { w.from.remove("ConfigMap", "istio-ca-root-cert") }, probe.Unknown, "not found"},
		{"root-ca", "no certificate", func(w *world) { bundle(w.from).Data["root-cert.pem"] = "" }, probe.Unknown, "no certificate"},
		{"root-ca", "a truncated one beside a good one", func(w *world) {
			bundle(w.from).Data["root-cert.pem"] += "-----BEGIN CERTIFICATE-----\nAAAA\n"
		}, probe.Unknown, "1 of its 2 PEM blocks do not decode"},
		{"root-ca", "not a certificate", func(w *world) {
			bundle(w.from).Data["root-cert.pem"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
		}, probe.Unknown, "x509"},
		{"root-ca", "of the system namespace", func(w *world) { w.in.Workload = nil }, probe.Unknown, "not found"},
		{"root-ca", "forbidden", func(w *world) { w.to.forbid("ConfigMap") }, probe.Unknown, "forbidden"},

		{"trust-domain", "different", func(w *world) { meshConfig(w.to, "trustDomain: other\n") }, probe.Failed, "trust domain td of cluster-2 is none of the aliases of cluster-1, which is of other"},
		{"trust-domain", "default", func(w *world) { meshConfig(w.to, "") }, probe.Failed, "which is of cluster.local"},
		{"trust-domain", "aliases", func(w *world) {
			meshConfig(w.to, "trustDomain: other\ntrustDomainAliases: [td]\n")
			meshConfig(w.from, "trustDomain: td\ntrustDomainAliases: [other]\n")
		}, probe.Passed, "aliases of each other"},
		{"trust-domain", "alias of the caller only", func(w *world) {
			meshConfig(w.to, "trustDomain: other\n")
			meshConfig(w.from, "trustDomain: td\ntrustDomainAliases: [other]\n")
		}, probe.Failed, "workloads there refuse its calls"},
		{"trust-domain", "alias of the server", func(w *world) { accepting(w, "1.30.4") }, probe.Passed, "learns other from the mesh configuration there"},
		{"trust-domain", "alias of the server, the first istiod that reads it", func(w *world) { accepting(w, "1.29.0") }, probe.Passed, "learns other"},
		{"trust-domain", "alias of the server, older istiod", func(w *world) { accepting(w, "1.28.9") }, probe.Failed, "istiod 1.28.9 of cluster-2 does not read"},
		{"trust-domain", "alias of the server, an older one of two", func(w *world) {
			accepting(w, "")
			w.in.IstioVersions = []string{"1.30.4", "1.28.9"}
		}, probe.Failed, "istiod 1.28.9 of cluster-2 does not read"},
		{"trust-domain", "alias of the server, version not known", func(w *world) { accepting(w, "latest") }, probe.Unknown, "version latest"},
		{"trust-domain", "alias of the server, no istiod", func(w *world) {
			accepting(w, "")
			w.from.remove("Pod", "istiod-1")
		}, probe.Unknown, "is not known"},
		{"trust-domain", "alias of the server, in another revision", func(w *world) {
			accepting(w, "1.30.4")
			w.in.Flavour = preflight.Upstream
			setEnv(istiodOf(w), "REVISION", "canary")
			w.from.add(&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-canary"), Data: map[string]string{"mesh": "trustDomain: td"}})
		}, probe.Failed, "ConfigMap/istio-system/istio-canary, which is not there"},
		{"trust-domain", "alias of the server, of another domain there", func(w *world) {
			accepting(w, "1.30.4")
			setEnv(istiodOf(w), "REVISION", "canary")
			for _, m := range []*memory{w.from, w.to} {
				m.add(&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-canary"), Data: map[string]string{"mesh": "trustDomain: td"}})
			}
		}, probe.Failed, "takes the servers of other to be of trust domain td"},
		{"trust-domain", "by a CA certificate", func(w *world) {
			meshConfig(w.to, "trustDomain: other\ncaCertificates: [{pem: x, trustDomains: [td]}]\n")
			meshConfig(w.from, "trustDomain: td\ntrustDomainAliases: [other]\n")
		}, probe.Passed, "aliases of each other"},
		{"trust-domain", "every caller accepted", func(w *world) {
			meshConfig(w.to, "trustDomain: other\n")
			there := istiod("istiod-there", "cluster-1")
			setEnv(there, "PILOT_SKIP_VALIDATE_TRUST_DOMAIN", "true")
			w.to.add(there)
		}, probe.Passed, "learns other"},
		{"trust-domain", "every caller accepted, by one of two istiods", func(w *world) {
			meshConfig(w.to, "trustDomain: other\n")
			there := istiod("istiod-there", "cluster-1")
			setEnv(there, "PILOT_SKIP_VALIDATE_TRUST_DOMAIN", "true")
			w.to.add(there)
			w.to.add(istiod("istiod-there-too", "cluster-1"))
		}, probe.Failed, "none of the aliases"},
		{"trust-domain", "aliases not known", func(w *world) {
			meshConfig(w.from, "trustDomain: another\n")
			w.to.remove("ConfigMap", "istio")
		}, probe.Unknown, "not found"},
		{"trust-domain", "of the revision", func(w *world) {
			setEnv(istiodOf(w), "REVISION", "canary")
			w.from.add(&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-canary"), Data: map[string]string{"mesh": "trustDomain: canary"}})
		}, probe.Failed, "trust domain canary of cluster-2"},
		{"trust-domain", "by proxies", func(w *world) { w.to.remove("ConfigMap", "istio") }, probe.Passed, "trust domain td"},
		{"trust-domain", "nobody tells", func(w *world) {
			w.to.remove("ConfigMap", "istio")
			w.to.remove("Pod", "httpbin-1")
			w.to.remove("Pod", "eastwest-1")
		}, probe.Unknown, "not found"},
		{"trust-domain", "no YAML", func(w *world) {
			meshConfig(w.to, "trustDomain: [")
			w.to.forbid("Pod")
		}, probe.Unknown, "forbidden"},
		{"trust-domain", "forbidden", func(w *world) { w.from.forbid("ConfigMap"); w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"mesh-id", "different", func(w *world) { setEnv(of[*corev1.Pod](w.from, "sleep-1"), "ISTIO_META_MESH_ID", "mesh2") }, probe.Warned, "in meshes mesh2 and mesh1"},
		{"mesh-id", "no proxy", func(w *world) { w.from.remove("Pod", "sleep-1") }, probe.Unknown, "no proxy"},
		{"mesh-id", "forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"networks", "none", func(w *world) {
			setNetwork(w.from, "", "sleep-1")
			setNetwork(w.to, "", "httpbin-1", "eastwest-1")
		}, probe.Warned, "one flat network"},
		{"networks", "none in To", func(w *world) { setNetwork(w.to, "", "httpbin-1", "eastwest-1") }, probe.Warned, "sent to clients in network network2"},
		{"networks", "none in From", func(w *world) { setNetwork(w.from, "", "sleep-1") }, probe.Warned, "before Istio 1.30"},
		{"networks", "in the namespace that the reading istiod looks at", func(w *world) {
			w.in.From.Namespace = "mesh"
			w.from.add(namespace("mesh", "cluster-2", map[string]string{"topology.istio.io/network": "network2"}))
		}, probe.Warned, "cluster-1: its network is not set"},
		{"networks", "by meshNetworks", func(w *world) {
			setNetwork(w.to, "")
			meshNetworks(w.from, "networks: {network1: {endpoints: [{fromRegistry: cluster-1}]}}")
		}, probe.Passed, "networks network2 and network1"},
		{"networks", "same", func(w *world) { setNetwork(w.from, "network1", "sleep-1") }, probe.Passed, "both are in network network1"},
		{"networks", "proxies differ", func(w *world) { setNetwork(w.to, "other") }, probe.Warned, `proxies are in network "network1"`},
		{"networks", "forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"networks", "forbidden in From", func(w *world) { w.from.forbid("Namespace") }, probe.Unknown, "forbidden"},
	}
}

// accepting makes To a trust domain of its own that accepts that of From, which is of a version.
func accepting(w *world, version string) {
	meshConfig(w.to, "trustDomain: other\ntrustDomainAliases: [td]\n")
	w.in.IstioVersion = version
}

func both(w *world, root string) {
	for _, m := range []*memory{w.from, w.to} {
		of[*corev1.ConfigMap](m, "istio-ca-root-cert").Data["root-cert.pem"] = root
	}
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// expiring is a root that has so long left.
func expiring(left time.Duration) string { return root(now.Add(left)) }

func meshNetworks(m *memory, text string) {
	of[*corev1.ConfigMap](m, "istio").Data["meshNetworks"] = text
}
