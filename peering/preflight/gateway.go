package preflight

import (
	"context"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// networkServices are the Services of To that are labelled as gateway of its network.
func (f *facts) networkServices(ctx context.Context) ([]*corev1.Service, error) {
	all, err := list(ctx, f.to, service("", ""), labelNetwork)
	if err != nil {
		return nil, err
	}
	network, err := f.network(ctx, f.to)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(s *corev1.Service) bool { return s.Labels[labelNetwork] != network }), nil
}

// gatewayPort is 15443, unless a label of the Service says otherwise (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
func gatewayPort(s *corev1.Service) int32 {
	if n, err := strconv.ParseInt(s.Labels["networking.istio.io/gatewayPort"], 10, 32); err == nil {
		return int32(n)
	}
	return 15443
}

// addresses of a gateway as istiod reads them: of the load balancer, external IPs, or the nodes of a NodePort Service that
// selects them by annotation (Istio pilot/pkg/serviceregistry/kube/controller/util.go).
func addresses(s *corev1.Service) []string {
	found := slices.Clone(s.Spec.ExternalIPs)
	for _, in := range s.Status.LoadBalancer.Ingress {
		found = append(found, in.IP+in.Hostname)
	}
	if selector := s.Annotations["traffic.istio.io/nodeSelector"]; s.Spec.Type == corev1.ServiceTypeNodePort && selector != "" {
		found = append(found, "nodes "+selector)
	}
	return found
}

// meshNetworkGateway says whether From's mesh configuration names a gateway of To's network itself.
func (f *facts) meshNetworkGateway(ctx context.Context) bool {
	m, err := f.from.mesh(ctx)
	if err != nil {
		return false
	}
	network, _ := f.network(ctx, f.to)
	return len(m.networks.GetNetworks()[network].GetGateways()) > 0
}

// gatewayAddress judges each labelled Service; one usable gateway is enough.
func gatewayAddress(ctx context.Context, f *facts) []verdict {
	services, err := f.networkServices(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	network, _ := f.network(ctx, f.to)
	if f.meshNetworkGateway(ctx) {
		return one(pass(f.to.name, "meshNetworks of %s names a gateway of network %s", f.from.name, network))
	}
	if len(services) == 0 {
		return one(f.missing(f.to.name, "install an east-west gateway and label its Service with "+labelNetwork, "no Service is labelled as gateway of network %s", network))
	}
	var found []verdict
	usable := false
	for _, s := range services {
		v := judgeGateway(f.to.object(s), s)
		usable = usable || v.remedy == ""
		found = append(found, v)
	}
	for i := range found {
		if usable {
			found[i].severity = Warns
		}
	}
	return found
}

func judgeGateway(subject string, s *corev1.Service) verdict {
	port := gatewayPort(s)
	if !slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port }) {
		return fail(subject, "add the port, or name the right one by label networking.istio.io/gatewayPort", "it does not listen on port %d", port)
	}
	if len(addresses(s)) == 0 {
		return fail(subject, "wait for, or repair, its load balancer, or set spec.externalIPs", "it has no external address")
	}
	return pass(subject, "port %d at %q", port, addresses(s))
}

// slices of a gateway, and whether one of their endpoints is ready.
func (f *facts) gatewaySlices(ctx context.Context, s *corev1.Service) ([]*discoveryv1.EndpointSlice, error) {
	return list(ctx, f.to, endpointSlices(s.Namespace), discoveryv1.LabelServiceName+"="+s.Name)
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

// gatewayReady: an address without Pods behind it answers nobody.
func gatewayReady(ctx context.Context, f *facts) []verdict {
	services, err := f.networkServices(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	for _, s := range services {
		all, err := f.gatewaySlices(ctx, s)
		switch n := readyEndpoints(all); {
		case err != nil:
			found = append(found, unread(f.to.object(s), err))
		case n == 0:
			found = append(found, fail(f.to.object(s), "look at the gateway's Pods", "no ready endpoint"))
		default:
			found = append(found, pass(f.to.object(s), "%d ready endpoints", n))
		}
	}
	return or(found, unknown(f.to.name, "see check gateway-address", "no Service is labelled as gateway"))
}
