package preflight

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

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
	if ns.Labels["istio.io/dataplane-mode"] == "ambient" {
		return unknown(subject, "these checks know sidecars only", "the namespace is in ambient mode")
	}
	for _, pod := range pods {
		if proxy(pod) == nil || pod.Annotations["sidecar.istio.io/status"] == "" {
			return fail(s.object(pod), "label the namespace for injection and restart the Pod", "it was not injected")
		}
	}
	if len(pods) > 0 {
		return pass(subject, "all of %d Pods are injected", len(pods))
	}
	injection, revision := ns.Labels["istio-injection"], ns.Labels["istio.io/rev"]
	switch {
	case injection != "" && revision != "":
		return fail(subject, "remove one of the two labels", "labels istio-injection=%s and istio.io/rev=%s contradict each other, the first counts", injection, revision).as(Warns)
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
	for _, pod := range pods {
		if mode := pod.Labels["security.istio.io/tlsMode"]; mode != "istio" {
			return one(fail(f.to.object(pod), "let it be injected: the endpoint is left out of what clients in another network get", "label security.istio.io/tlsMode is %q, not istio", mode))
		}
	}
	if len(pods) == 0 {
		return one(unknown(f.to.name, "start its Pods", "no Pod is behind the Service"))
	}
	return one(pass(f.to.name, "all of %d Pods speak mutual TLS", len(pods)))
}
