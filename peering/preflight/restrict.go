package preflight

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
)

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
		found, err := list(ctx, f.to, networkPolicies(s.Namespace), "")
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
