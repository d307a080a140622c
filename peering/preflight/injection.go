package preflight

import (
	"context"
	"net/netip"
	"slices"

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

// clientKinds is what the client is, or both kinds if that cannot be told.
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

// lackedFamily says which addresses From's proxies cannot reach because they lack the IP family. istiod 1.30 and newer leave
// such gateways out (Istio pilot/pkg/xds/endpoints/ep_filters.go, filterGatewaysByIPFamily). If no proxy has an address,
// every gateway counts.
func (f *facts) lackedFamily(ctx context.Context) func(netip.Addr) bool {
	var v4, v6 bool
	proxies, _ := f.proxies(ctx, f.from)
	for _, pod := range proxies {
		for _, ip := range pod.Status.PodIPs {
			if addr, err := netip.ParseAddr(ip.IP); err == nil {
				v4, v6 = v4 || addr.Unmap().Is4(), v6 || addr.Unmap().Is6()
			}
		}
	}
	return func(a netip.Addr) bool { return a.Is4() && v6 && !v4 || a.Is6() && v4 && !v6 }
}

func hasSidecar(pod *corev1.Pod) bool {
	return proxy(pod) != nil || pod.Annotations[sidecarStatus] != ""
}

// isAmbient says whether a Pod is of the ambient mesh: it has no sidecar, and its own label comes before that of its
// namespace (Istio cni/pkg/util/podutil.go).
func isAmbient(pod *corev1.Pod, ns *corev1.Namespace) bool {
	if hasSidecar(pod) {
		return false
	}
	if mode, own := pod.Labels[labelDataplane]; own {
		return mode == "ambient"
	}
	return ns.Labels[labelDataplane] == "ambient" || pod.Annotations[ambientRedirection] == "enabled"
}

// injection looks at the Pods of client and server; where there are none, at the labels that will decide
// (Istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml).
func injection(ctx context.Context, f *facts) []verdict {
	server, serverErr := f.appNamespace(ctx, f.to)
	serverPods, serverPodsErr := f.serverPods(ctx)
	client, clientErr := f.clientNamespace(ctx)
	clientPods, clientPodsErr := f.clientPods(ctx)
	return []verdict{
		f.injected(f.to, server, serverErr, serverPods, serverPodsErr),
		f.injected(f.from, client, clientErr, clientPods, clientPodsErr),
	}
}

func (f *facts) injected(s *server, ns *corev1.Namespace, err error, pods []*corev1.Pod, podsErr error) verdict {
	if err != nil {
		return unread(s.name, err)
	}
	if podsErr != nil && !absent(podsErr) {
		return unread(s.name, podsErr)
	}
	subject := s.object(ns)
	ambient := ns.Labels[labelDataplane] == "ambient"
	for _, pod := range pods {
		switch {
		case hasSidecar(pod) && ambient:
			return unknown(s.object(pod), "decide which of the two it should be", "it has a sidecar, and the namespace is in ambient mode")
		case isAmbient(pod, ns) && pod.Annotations[ambientRedirection] != "enabled":
			return unknown(s.object(pod), "see that istio-cni and ztunnel run on its node", "it is in the ambient mesh, and nothing says that istio-cni redirected it to ztunnel")
		case isAmbient(pod, ns):
		case proxy(pod) == nil || pod.Annotations[sidecarStatus] == "":
			return fail(s.object(pod), "label the namespace for injection and restart the Pod", "it was not injected")
		}
	}
	if ambient {
		return pass(subject, "it is in ambient mode, and so are all of %d Pods", len(pods))
	}
	if len(pods) > 0 {
		return pass(subject, "all of %d Pods are injected", len(pods))
	}
	injection, revision := ns.Labels["istio-injection"], ns.Labels["istio.io/rev"]
	switch {
	case injection != "" && revision != "":
		return fail(subject, "remove one of the two labels", "labels istio-injection=%s and istio.io/rev=%s contradict each other: istio-injection wins", injection, revision).as(Warns)
	case injection == "enabled" || injection == "" && revision != "":
		return pass(subject, "it is labelled for injection; there is no Pod yet")
	}
	return fail(subject, "label it istio-injection=enabled, or istio.io/rev with the revision", "it is not labelled for injection and has no Pod to look at")
}

// serverMTLSCapable: endpoints across the gateway that do not speak Istio's mutual TLS are left out
// (Istio pilot/pkg/xds/endpoints/ep_filters.go).
func serverMTLSCapable(ctx context.Context, f *facts) []verdict {
	pods, err := f.serverPods(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	ns, err := f.appNamespace(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	ambientOnly := slices.Equal(f.clientKinds(ctx), []clientKind{ambientClient})
	for _, pod := range pods {
		switch mode := pod.Labels["security.istio.io/tlsMode"]; {
		case mode == "istio", isAmbient(pod, ns) && ambientOnly:
		case isAmbient(pod, ns):
			return one(fail(f.to.object(pod), "give it a sidecar, or ask from an ambient client",
				"it is in the ambient mesh: sidecars in another network do not get its endpoint, which accepts only HBONE"))
		default:
			return one(fail(f.to.object(pod), "inject it: clients in another network do not get its endpoint", "label security.istio.io/tlsMode is %q, not istio", mode))
		}
	}
	if len(pods) == 0 {
		return one(unknown(f.to.name, "start its Pods", "no Pod is behind the Service"))
	}
	return one(pass(f.to.name, "all of %d Pods speak mutual TLS", len(pods)))
}
