package preflight_test

import (
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshpeer/meshpeer/probe"
)

const (
	disable    = securityapi.PeerAuthentication_MutualTLS_DISABLE
	strict     = securityapi.PeerAuthentication_MutualTLS_STRICT
	permissive = securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
)

// peers is a PeerAuthentication.
func peers(namespace, name string, mode securityapi.PeerAuthentication_MutualTLS_Mode, selector map[string]string, ports map[uint32]securityapi.PeerAuthentication_MutualTLS_Mode) *securityv1.PeerAuthentication {
	p := &securityv1.PeerAuthentication{TypeMeta: meta("security.istio.io/v1beta1", "PeerAuthentication"), ObjectMeta: named(namespace, name)}
	p.CreationTimestamp = metav1.NewTime(now)
	p.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
	if selector != nil {
		p.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: selector}
	}
	p.Spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{}
	for port, m := range ports {
		p.Spec.PortLevelMtls[port] = &securityapi.PeerAuthentication_MutualTLS{Mode: m}
	}
	return p
}

func older(p *securityv1.PeerAuthentication) *securityv1.PeerAuthentication {
	p.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
	return p
}

func rule(namespace, host string, change func(*networkingapi.DestinationRule)) *networkingv1.DestinationRule {
	r := &networkingv1.DestinationRule{TypeMeta: meta("networking.istio.io/v1beta1", "DestinationRule"), ObjectMeta: named(namespace, "rule")}
	r.Spec.Host = host
	change(&r.Spec)
	return r
}

func simpleTLS(r *networkingapi.DestinationRule) {
	r.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_SIMPLE}}
}

func authorize(namespace string, action securityapi.AuthorizationPolicy_Action, rules ...*securityapi.Rule) *securityv1.AuthorizationPolicy {
	p := &securityv1.AuthorizationPolicy{TypeMeta: meta("security.istio.io/v1beta1", "AuthorizationPolicy"), ObjectMeta: named(namespace, "policy")}
	p.Spec.Action, p.Spec.Rules = action, rules
	return p
}

func source(s *securityapi.Source) *securityapi.Rule {
	return &securityapi.Rule{From: []*securityapi.Rule_From{{Source: s}}}
}

func policyCases() []one {
	app := map[string]string{"app": "httpbin"}
	type modes = map[uint32]securityapi.PeerAuthentication_MutualTLS_Mode
	const peer, tls, auth = "peer-authentication", "destination-rule-tls", "authorization-policy"
	const allow, deny = securityapi.AuthorizationPolicy_ALLOW, securityapi.AuthorizationPolicy_DENY
	return []one{
		{peer, "of the mesh", func(w *world) { w.config.add(peers("istio-system", "mesh", disable, nil, nil)) }, probe.Failed, "PeerAuthentication/istio-system/mesh"},
		{peer, "namespace overrules", func(w *world) {
			w.config.add(peers("istio-system", "mesh", disable, nil, nil), peers("demo", "ns", strict, nil, nil))
		}, probe.Passed, "not disabled"},
		{peer, "UNSET inherits", func(w *world) {
			w.config.add(peers("demo", "ns", disable, nil, nil), peers("demo", "app", 0, app, nil))
		}, probe.Failed, "demo/ns"},
		{peer, "of the workload", func(w *world) { w.config.add(peers("demo", "app", disable, app, nil)) }, probe.Failed, "demo/app"},
		{peer, "of another workload", func(w *world) { w.config.add(peers("demo", "app", disable, map[string]string{"app": "x"}, nil)) }, probe.Passed, "not disabled"},
		{peer, "of another namespace", func(w *world) { w.config.add(peers("web", "ns", disable, nil, nil)) }, probe.Passed, "not disabled"},
		{peer, "selector in root does not count", func(w *world) { w.config.add(peers("istio-system", "app", disable, app, nil)) }, probe.Passed, "not disabled"},
		{peer, "selector in root does not count, for its own workloads either", func(w *world) {
			meshConfig(w.from, "rootNamespace: demo")
			w.config.add(peers("demo", "app", disable, app, nil))
		}, probe.Passed, "not disabled"},
		{peer, "of the mesh, for a workload in the root namespace", func(w *world) {
			meshConfig(w.from, "rootNamespace: demo")
			w.config.add(peers("demo", "mesh", disable, nil, nil))
		}, probe.Failed, "demo/mesh"},
		{peer, "the system namespace is not root", func(w *world) {
			meshConfig(w.from, "rootNamespace: mesh-root")
			w.config.add(peers("istio-system", "mesh", disable, nil, nil))
		}, probe.Passed, "not disabled"},
		{peer, "root namespace unknown", func(w *world) {
			w.from.remove("ConfigMap", "istio")
			w.config.add(peers("mesh-root", "mesh", disable, nil, nil))
		}, probe.Unknown, "not found"},
		{peer, "named target port without a Pod", func(w *world) {
			httpbin(w.to).Spec.Ports[0].TargetPort = intstr.FromString("web")
			w.to.remove("Pod", "httpbin-1")
			w.config.add(peers("demo", "app", strict, app, modes{8080: disable}))
		}, probe.Unknown, "which port"},
		{peer, "oldest counts, last", func(w *world) {
			w.config.add(peers("demo", "newer", disable, nil, nil), older(peers("demo", "older", permissive, nil, nil)))
		}, probe.Passed, "not disabled"},
		{peer, "oldest counts, first", func(w *world) {
			w.config.add(older(peers("demo", "older", permissive, nil, nil)), peers("demo", "newer", disable, nil, nil))
		}, probe.Passed, "not disabled"},
		{peer, "port", func(w *world) { w.config.add(peers("demo", "app", strict, app, modes{8000: disable})) }, probe.Failed, "demo/app"},
		{peer, "target port", func(w *world) {
			httpbin(w.to).Spec.Ports[0].TargetPort = intstr.FromInt32(8080)
			w.config.add(peers("demo", "app", strict, app, modes{8080: disable}))
		}, probe.Failed, "demo/app"},
		{peer, "named target port", func(w *world) {
			httpbin(w.to).Spec.Ports[0].TargetPort = intstr.FromString("web")
			server(w).Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}}
			w.config.add(peers("demo", "app", strict, app, modes{8080: disable}))
		}, probe.Failed, "demo/app"},
		{peer, "port excepted", func(w *world) { w.config.add(peers("demo", "app", disable, app, modes{8000: strict})) }, probe.Passed, "not disabled"},
		{peer, "root namespace", func(w *world) {
			meshConfig(w.from, "rootNamespace: mesh-root")
			w.config.add(peers("mesh-root", "mesh", disable, nil, nil))
		}, probe.Failed, "mesh-root/mesh"},
		{peer, "server not readable", func(w *world) {
			w.to.forbid("Service")
			w.config.add(peers("demo", "ns", disable, nil, nil))
		}, probe.Failed, "demo/ns"},
		{peer, "each cluster's own", func(w *world) {
			upstream(w)
			w.in.Config = nil
			w.to.add(peers("demo", "ns", disable, nil, nil))
		}, probe.Failed, "cluster-1 PeerAuthentication/demo/ns"},
		{peer, "not served", func(w *world) { w.config.fails["PeerAuthentication"] = notFound("x") }, probe.Unknown, "not found"},

		{tls, "simple", func(w *world) { w.config.add(rule("demo", "httpbin", simpleTLS)) }, probe.Failed, "trafficPolicy sets TLS mode SIMPLE"},
		{tls, "mutual of Istio", func(w *world) {
			w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) {
				r.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: networkingapi.ClientTLSSettings_ISTIO_MUTUAL}}
			}))
		}, probe.Passed, "none of 1"},
		{tls, "root namespace, star", func(w *world) { w.config.add(rule("istio-system", "*.local", simpleTLS)) }, probe.Failed, "istio-system/rule"},
		{tls, "other host", func(w *world) { w.config.add(rule("demo", "httpbin.web.svc.cluster.local", simpleTLS)) }, probe.Passed, "none of 0"},
		{tls, "other namespace", func(w *world) { w.config.add(rule("web", "httpbin.demo.svc.cluster.local", simpleTLS)) }, probe.Passed, "none of 0"},
		{tls, "not exported", func(w *world) {
			w.in.Workload.ClientNamespace = "web"
			w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) { simpleTLS(r); r.ExportTo = []string{"."} }))
		}, probe.Passed, "none of 0"},
		{tls, "for another client", func(w *world) {
			w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) {
				simpleTLS(r)
				r.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": "x"}}
			}))
		}, probe.Passed, "none of 0"},
		{tls, "port of a subset", func(w *world) {
			w.in.Workload.Port = 8000
			w.config.add(rule("demo", "httpbin", func(r *networkingapi.DestinationRule) {
				level := func(port uint32) *networkingapi.TrafficPolicy_PortTrafficPolicy {
					return &networkingapi.TrafficPolicy_PortTrafficPolicy{Port: &networkingapi.PortSelector{Number: port}, Tls: &networkingapi.ClientTLSSettings{}}
				}
				r.Subsets = []*networkingapi.Subset{{Name: "v1", TrafficPolicy: &networkingapi.TrafficPolicy{PortLevelSettings: []*networkingapi.TrafficPolicy_PortTrafficPolicy{level(8000), level(9000)}}}}
			}))
		}, probe.Failed, "subset v1 sets TLS mode DISABLE for port 8000"},
		{tls, "forbidden", func(w *world) { w.config.forbid("DestinationRule") }, probe.Unknown, "forbidden"},

		{auth, "allows nothing", func(w *world) { w.config.add(authorize("demo", allow)) }, probe.Warned, "allows nothing"},
		{auth, "denies everything", func(w *world) { w.config.add(authorize("istio-system", deny, &securityapi.Rule{})) }, probe.Warned, "denies everything"},
		{auth, "addresses", func(w *world) {
			w.config.add(authorize("demo", allow, source(&securityapi.Source{IpBlocks: []string{"10.0.0.0/8"}})))
		}, probe.Warned, "ipBlocks"},
		{auth, "other trust domain", func(w *world) {
			w.config.add(authorize("demo", allow, source(&securityapi.Source{Principals: []string{"other/ns/demo/sa/sleep"}})))
		}, probe.Warned, "trust domain td"},
		{auth, "own trust domain", func(w *world) {
			w.config.add(authorize("demo", allow, source(&securityapi.Source{Principals: []string{"td/ns/demo/sa/sleep"}})))
		}, probe.Passed, "no AuthorizationPolicy"},
		{auth, "audit", func(w *world) { w.config.add(authorize("demo", securityapi.AuthorizationPolicy_AUDIT)) }, probe.Passed, "no AuthorizationPolicy"},
		{auth, "of others", func(w *world) {
			p := authorize("demo", allow)
			p.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": "x"}}
			w.config.add(p, authorize("web", allow))
		}, probe.Passed, "no AuthorizationPolicy"},
		{auth, "forbidden", func(w *world) { w.config.forbid("AuthorizationPolicy") }, probe.Unknown, "forbidden"},
	}
}
