package preflight

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
)

// gatewayPods are the Pods behind the labelled Services.
func (f *facts) gatewayPods(ctx context.Context) ([]*corev1.Pod, error) {
	services, err := f.networkServices(ctx)
	if err != nil {
		return nil, err
	}
	var all []*corev1.Pod
	for _, s := range services {
		if len(s.Spec.Selector) == 0 {
			continue
		}
		found, err := list(ctx, f.to, kindPod, s.Namespace, selectorOf(s.Spec.Selector))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// slices of a gateway, and whether one of their endpoints is ready.
func (f *facts) gatewaySlices(ctx context.Context, s *corev1.Service) ([]*discoveryv1.EndpointSlice, error) {
	return list(ctx, f.to, kindEndpointSlice, s.Namespace, discoveryv1.LabelServiceName+"="+s.Name)
}

func readyEndpoints(all []*discoveryv1.EndpointSlice) int {
	n := 0
	for _, slice := range all {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready { // unknown counts as ready (Kubernetes EndpointConditions)
				n++
			}
		}
	}
	return n
}

// gatewayReady: an address without Pods behind it answers nobody. Of several gateways each gets a part of the calls.
func gatewayReady(ctx context.Context, f *facts) []verdict {
	services, err := f.networkServices(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	ready := false
	for _, s := range services {
		all, err := f.gatewaySlices(ctx, s)
		switch n := readyEndpoints(all); {
		case err != nil:
			found = append(found, unread(f.to.object(s), err))
		case n > 0:
			ready = true
			found = append(found, pass(f.to.object(s), "%d ready endpoints", n))
		case len(s.Spec.Selector) == 0 && len(all) == 0:
			found = append(found, unknown(f.to.object(s), "check what answers at its addresses", "it has no selector and no EndpointSlices: what is behind its addresses cannot be seen"))
		default:
			found = append(found, fail(f.to.object(s), "look at the gateway's Pods", "no ready endpoint"))
		}
	}
	return or(lessGrave(found, ready), unknown(f.to.name, "see check gateway-address", "no Service is labelled as gateway"))
}

// gatewayRestrictions names what may keep From's proxies from the gateway. Whether it does depends on addresses that are
// not known here.
func gatewayRestrictions(ctx context.Context, f *facts) []verdict {
	services, err := f.networkServices(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	if len(services) == 0 {
		return one(unknown(f.to.name, "see check gateway-address", "no Service is labelled as gateway"))
	}
	gatewayPods, err := f.gatewayPods(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	policies, err := f.policiesBesideGateway(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	for _, s := range services {
		if ranges := s.Spec.LoadBalancerSourceRanges; len(ranges) > 0 {
			found = append(found, fail(f.to.object(s), "make sure that the addresses of "+f.from.name+" are in them", "its source ranges are %q", ranges))
		}
	}
	for _, p := range policies {
		if len(p.Spec.PolicyTypes) > 0 && !slices.Contains(p.Spec.PolicyTypes, knetworkingv1.PolicyTypeIngress) {
			continue
		}
		if slices.ContainsFunc(gatewayPods, func(pod *corev1.Pod) bool {
			return pod.Namespace == p.Namespace && selects(&p.Spec.PodSelector, pod.Labels)
		}) {
			found = append(found, fail(f.to.object(p), "make sure that it lets "+f.from.name+" reach the gateway's port", "it restricts what reaches the gateway"))
		}
	}
	return or(found, pass(f.to.name, "neither source ranges nor network policies restrict the gateway"))
}

// policiesBesideGateway are the NetworkPolicies of the namespaces that gateways are in.
func (f *facts) policiesBesideGateway(ctx context.Context) ([]*knetworkingv1.NetworkPolicy, error) {
	services, err := f.networkServices(ctx)
	if err != nil {
		return nil, err
	}
	var all []*knetworkingv1.NetworkPolicy
	seen := map[string]bool{}
	for _, s := range services {
		if seen[s.Namespace] {
			continue
		}
		seen[s.Namespace] = true
		found, err := list(ctx, f.to, kindNetworkPolicy, s.Namespace, "")
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
