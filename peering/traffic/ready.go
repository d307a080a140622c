package traffic

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// tlsMode is the label by which istiod knows pods that take mutual TLS; injection sets it (Istio pkg/model/proxy.go).
const tlsMode = "security.istio.io/tlsMode"

// Ready implements [probe.Scaler]: it counts the endpoints of the Service that proxies may use.
func (s Scaler) Ready(ctx context.Context) (int, error) {
	pods, err := s.Side.readyEndpoints(ctx, s.Namespace, s.service())
	if err != nil {
		return 0, fmt.Errorf("traffic: %w", err)
	}
	return len(pods), nil
}

// readyInjected counts those of a Service that take mutual TLS as well: across networks the others are left out.
func (s Side) readyInjected(ctx context.Context, namespace, service string) (int, error) {
	ready, err := s.readyEndpoints(ctx, namespace, service)
	if err != nil {
		return 0, fmt.Errorf("traffic: %w", err)
	}
	pods, err := kube.ListAs(ctx, s.Objects, &corev1.Pod{ObjectMeta: meta(namespace, "")}, tlsMode+"=istio")
	if err != nil {
		return 0, fmt.Errorf("traffic: pods of %s of %q: %w", namespace, s.ID, err)
	}
	n := 0
	for _, p := range pods {
		if ready["Pod/"+p.Name] {
			n++
		}
	}
	return n, nil
}

// readyEndpoints are the endpoints of a Service by kind and name, or by address where they are not objects. A pod may stand
// in several slices, one for each IP family.
func (s Side) readyEndpoints(ctx context.Context, namespace, service string) (map[string]bool, error) {
	like := &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: meta(namespace, ""),
	}
	found, err := kube.ListAs(ctx, s.Objects, like, discoveryv1.LabelServiceName+"="+service)
	if err != nil {
		return nil, fmt.Errorf("endpoints of %s/%s of %q: %w", namespace, service, s.ID, err)
	}
	ready := map[string]bool{}
	for _, slice := range found {
		for _, e := range slice.Endpoints {
			if !usable(e.Conditions) {
				continue
			}
			if e.TargetRef != nil {
				ready[e.TargetRef.Kind+"/"+e.TargetRef.Name] = true
				continue
			}
			for _, address := range e.Addresses {
				ready[address] = true
			}
		}
	}
	return ready, nil
}

// usable says whether proxies may send there: what is ready, by default, and what ends but still serves
// (Kubernetes KEP-1672).
func usable(c discoveryv1.EndpointConditions) bool {
	is := func(b *bool) bool { return b != nil && *b }
	return c.Ready == nil || *c.Ready || is(c.Serving) && is(c.Terminating)
}
