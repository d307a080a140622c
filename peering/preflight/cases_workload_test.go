package preflight_test

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/meshpeer/meshpeer/probe"
)

func httpbin(m *memory) *corev1.Service { return of[*corev1.Service](m, "httpbin") }

func demo(m *memory) *corev1.Namespace { return of[*corev1.Namespace](m, "demo") }

func client(w *world) *corev1.Pod { return of[*corev1.Pod](w.from, "sleep-1") }

func server(w *world) *corev1.Pod { return of[*corev1.Pod](w.to, "httpbin-1") }

func redirected(pod *corev1.Pod) {
	pod.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"}
}

func ambientServer(w *world) {
	demo(w.to).Labels = map[string]string{"istio.io/dataplane-mode": "ambient"}
	server(w).Spec.Containers = nil
	delete(server(w).Labels, "security.istio.io/tlsMode")
	redirected(server(w))
}

func workloadCases() []one {
	no, h2 := false, "http2"
	return []one{
		{"namespace-in-both", "missing", func(w *world) { w.from.remove("Namespace", "demo") }, probe.Failed, "cluster-2 Namespace/demo: it does not exist"},
		{"namespace-in-both", "forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"service-in-both", "missing", func(w *world) { w.from.remove("Service", "httpbin") }, probe.Failed, "cluster-2 Service/demo/httpbin: it does not exist"},
		{"service-in-both", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{"same-ports", "port missing", func(w *world) { httpbin(w.to).Spec.Ports[0].Port = 80 }, probe.Failed, "port 8000 of cluster-2 does not exist in cluster-1"},
		{"same-ports", "protocol", func(w *world) { httpbin(w.to).Spec.Ports[0].Protocol = corev1.ProtocolUDP }, probe.Failed, "TCP in cluster-2 and UDP in cluster-1"},
		{"same-ports", "name", func(w *world) { httpbin(w.to).Spec.Ports[0].Name = "tcp" }, probe.Warned, `"http" in cluster-2 and "tcp"`},
		{"same-ports", "appProtocol", func(w *world) { httpbin(w.to).Spec.Ports[0].AppProtocol = &h2 }, probe.Warned, "appProtocol of port 8000"},
		{"same-ports", "type", func(w *world) { httpbin(w.to).Spec.Type = corev1.ServiceTypeNodePort }, probe.Warned, "NodePort in cluster-1"},
		{"same-ports", "headless", func(w *world) { httpbin(w.to).Spec.ClusterIP = corev1.ClusterIPNone }, probe.Warned, "headless is false in cluster-2"},
		{"same-ports", "no such port", func(w *world) { w.in.Workload.Port = 81 }, probe.Failed, "the Service has no port 81"},
		{"same-ports", "another port does not count", func(w *world) {
			w.in.Workload.Port = 8000
			httpbin(w.from).Spec.Ports = append(httpbin(w.from).Spec.Ports, corev1.ServicePort{Port: 9000})
		}, probe.Passed, "alike"},
		{"same-ports", "no Service", func(w *world) { w.to.remove("Service", "httpbin") }, probe.Skipped, "see check service-in-both"},
		{"same-ports", "forbidden in From", func(w *world) { w.from.forbid("Service") }, probe.Unknown, "forbidden"},
		{"same-ports", "forbidden", func(w *world) { w.to.forbid("Service") }, probe.Unknown, "forbidden"},

		{"injection", "server without sidecar", func(w *world) { server(w).Annotations = nil }, probe.Failed, "cluster-1 Pod/demo/httpbin-1: it was not injected"},
		{"injection", "client without sidecar", func(w *world) { client(w).Spec.Containers = nil }, probe.Failed, "cluster-2 Pod/demo/sleep-1"},
		{"injection", "no Pod, no label", func(w *world) { w.to.remove("Pod", "httpbin-1"); demo(w.to).Labels = nil }, probe.Failed, "is not labelled"},
		{"injection", "no Pod, labelled", func(w *world) { w.to.remove("Pod", "httpbin-1") }, probe.Passed, "there is no Pod yet"},
		{"injection", "no Pod, revision", func(w *world) {
			w.to.remove("Pod", "httpbin-1")
			demo(w.to).Labels = map[string]string{"istio.io/rev": "canary"}
		}, probe.Passed, "there is no Pod yet"},
		{"injection", "no Pod, both labels", func(w *world) { w.to.remove("Pod", "httpbin-1"); demo(w.to).Labels["istio.io/rev"] = "canary" }, probe.Warned, "contradict"},
		{"injection", "ambient", func(w *world) { demo(w.to).Labels["istio.io/dataplane-mode"] = "ambient" }, probe.Unknown, "ambient"},
		{"injection", "ambient client", func(w *world) { ambient(w); redirected(client(w)) }, probe.Passed, "cluster-2 Namespace/demo: it is in ambient mode"},
		{"injection", "ambient client, not redirected", ambient, probe.Unknown, "nothing says that istio-cni redirected it"},
		{"injection", "no namespace", func(w *world) { w.to.remove("Namespace", "demo") }, probe.Skipped, "see check namespace-in-both"},
		{"injection", "namespaces forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"injection", "Pods forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"server-mtls-capable", "no label", func(w *world) { delete(server(w).Labels, "security.istio.io/tlsMode") }, probe.Failed, `tlsMode is ""`},
		{"server-mtls-capable", "ambient server, sidecar client", ambientServer, probe.Failed, "accepts only HBONE"},
		{"server-mtls-capable", "ambient on both sides", func(w *world) { ambient(w); ambientServer(w) }, probe.Passed, "all of 1 Pods"},
		{"server-mtls-capable", "no Pod", func(w *world) { w.to.remove("Pod", "httpbin-1") }, probe.Unknown, "no Pod"},
		{"server-mtls-capable", "no selector", func(w *world) { httpbin(w.to).Spec.Selector = nil }, probe.Unknown, "no Pod"},
		{"server-mtls-capable", "forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"server-ready", "not ready", func(w *world) { of[*discoveryv1.EndpointSlice](w.to, "httpbin-1").Endpoints[0].Conditions.Ready = &no }, probe.Failed, "no ready endpoint"},
		{"server-ready", "none", func(w *world) { w.to.remove("EndpointSlice", "httpbin-1") }, probe.Failed, "no ready endpoint"},
		{"server-ready", "forbidden", func(w *world) { w.to.forbid("EndpointSlice") }, probe.Unknown, "forbidden"},

		{"client-ready", "no Deployment", func(w *world) { w.in.Workload.Client = "curl" }, probe.Failed, "Deployment/demo/curl: it does not exist"},
		{"client-ready", "other namespace", func(w *world) { w.in.Workload.ClientNamespace = "web" }, probe.Failed, "Deployment/web/sleep"},
		{"client-ready", "no Pod", func(w *world) { w.from.remove("Pod", "sleep-1") }, probe.Failed, "it has no Pod"},
		{"client-ready", "ambient", ambient, probe.Passed, "in the ambient mesh"},
		{"client-ready", "not ready", func(w *world) { client(w).Status.Conditions = nil }, probe.Failed, "sleep-1 is not ready"},
		{"client-ready", "no sidecar", func(w *world) { client(w).Spec.Containers = nil }, probe.Failed, "has no sidecar"},
		{"client-ready", "sidecar not ready", func(w *world) { client(w).Status.ContainerStatuses[0].Ready = false }, probe.Failed, "the sidecar of Pod sleep-1"},
		{"client-ready", "sidecar unseen", func(w *world) { client(w).Status.ContainerStatuses = nil }, probe.Failed, "the sidecar of Pod sleep-1"},
		{"client-ready", "forbidden", func(w *world) { w.from.forbid("Deployment") }, probe.Unknown, "forbidden"},
	}
}
