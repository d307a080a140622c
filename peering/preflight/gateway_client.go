package preflight

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// Clients in another network reach a gateway by what they are: a sidecar by mutual TLS that the gateway passes through by
// SNI, an ambient client by HBONE (Istio pilot/pkg/xds/endpoints/ep_filters.go, selectNetworkGateways).
type clientKind string

const (
	sidecarClient clientKind = "sidecars"
	ambientClient clientKind = "ambient clients"
)

const (
	labelDataplane     = "istio.io/dataplane-mode"
	sidecarStatus      = "sidecar.istio.io/status"
	ambientRedirection = "ambient.istio.io/redirection"
)

// clientKinds is what the client is: both where that cannot be told.
func (f *facts) clientKinds(ctx context.Context) []clientKind {
	both := []clientKind{sidecarClient, ambientClient}
	d, err := f.clientDeployment(ctx)
	ns, nsErr := f.clientNamespace(ctx)
	if nsErr != nil {
		return both
	}
	pods := []*corev1.Pod(nil)
	if err == nil {
		if pods, err = f.clientPods(ctx); err != nil {
			return both
		}
		if len(pods) == 0 {
			pods = []*corev1.Pod{{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}}
		}
	} else if !absent(err) {
		return both
	}
	for _, pod := range pods {
		switch {
		case hasSidecar(pod):
			return []clientKind{sidecarClient}
		case isAmbient(pod, ns):
			return []clientKind{ambientClient}
		}
	}
	switch {
	case ns.Labels[labelDataplane] == "ambient":
		return []clientKind{ambientClient}
	case ns.Labels["istio-injection"] == "enabled" || ns.Labels["istio.io/rev"] != "":
		return []clientKind{sidecarClient}
	}
	return both
}

func hasSidecar(pod *corev1.Pod) bool {
	return proxy(pod) != nil || pod.Annotations[sidecarStatus] != ""
}

// isAmbient says whether a Pod without a sidecar is of the ambient mesh: its own label comes before that of its namespace
// (Istio cni/pkg/util/podutil.go, PodRedirectionEnabled).
func isAmbient(pod *corev1.Pod, ns *corev1.Namespace) bool {
	if hasSidecar(pod) {
		return false
	}
	if mode, own := pod.Labels[labelDataplane]; own {
		return mode == "ambient"
	}
	return ns.Labels[labelDataplane] == "ambient" || pod.Annotations[ambientRedirection] == "enabled"
}
