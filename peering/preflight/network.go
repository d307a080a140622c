package preflight

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
)

// network is the one that From's istiod gives to the endpoints of a side whose Pods are not labelled themselves: the label of
// the namespace that is called as its own system namespace, else that of meshNetworks for the cluster (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
func (f *facts) network(ctx context.Context, s *server) (string, error) {
	system, err := get(ctx, s, kindNamespace, "", f.from.Namespace)
	if err != nil && !(absent(err) && s != f.from) {
		return "", err
	}
	if err == nil && system.Labels[labelNetwork] != "" {
		return system.Labels[labelNetwork], nil
	}
	m, err := f.meshIfAny(ctx)
	if err != nil {
		return "", err
	}
	for _, network := range sortedKeys(m.networks.GetNetworks()) {
		if registers(m.networks.GetNetworks()[network], s.ID) {
			return network, nil
		}
	}
	return "", nil
}

// networks compares the networks of both sides, and of each with what its proxies say.
func networks(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := f.network(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.network(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	for i, s := range []*server{f.from, f.to} {
		labelled := []string{from, to}[i]
		said, err := f.said(ctx, s, "ISTIO_META_NETWORK") // proxies may be of several networks
		if err != nil {
			found = append(found, unread(s.name, err))
		}
		for _, network := range said {
			if network.value != labelled {
				found = append(found, fail(s.name, "give chart value global.network and the label of the namespace the same value",
					"proxies are in network %q, namespace %s is in network %q", network.value, f.from.Namespace, labelled))
			}
		}
	}
	remedy := "label namespace " + f.from.Namespace + " of each with " + labelNetwork + ", unless Pods reach each other directly"
	switch {
	case from == "" && to == "":
		found = append(found, fail(subject, remedy, "no network is set: istiod treats both as one flat network and sends Pod addresses"))
	case to == "":
		found = append(found, fail(f.to.name, remedy, "its network is not set: its Pod addresses are sent to clients in network %s", from))
	case from == "":
		found = append(found, fail(f.from.name, remedy, "its network is not set: before Istio 1.30 its clients get Pod addresses of network %s instead of the gateway", to))
	case len(found) > 0:
	case from == to:
		return one(pass(subject, "both are in network %s: Pods reach each other directly", from))
	}
	return or(found, pass(subject, "networks %s and %s are joined by gateways", from, to))
}

// oneNetwork skips the gateway where none is needed or none would be used.
func oneNetwork(ctx context.Context, f *facts) *verdict {
	from, fromErr := f.network(ctx, f.from)
	to, toErr := f.network(ctx, f.to)
	var v verdict
	switch {
	case toErr != nil:
		v = unread(f.to.name, toErr)
	case to == "" && f.Flavour != Upstream:
		v = unknown(f.to.name, "see the mesh's network settings: ASM may keep them outside the cluster", "namespace %s names no network", f.from.Namespace)
	case to == "":
		v = skip(f.to.name, "the network is not set, so that no gateway is used")
	case fromErr == nil && from == to:
		v = skip(f.to.name, "both clusters are in network %s", strings.TrimSpace(to))
	default:
		return nil
	}
	return &v
}

// hostNames leaves out what is an IP address.
func hostNames(addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { _, err := netip.ParseAddr(a); return err == nil })
}

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
	return or(f.lessGrave(ctx, found, ready), unknown(f.to.name, "see check gateway-address", "no Service is labelled as gateway"))
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
