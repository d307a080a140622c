package peeringtest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const labelNetwork = "topology.istio.io/network"

// Split puts each member in a network of its own, with an east-west gateway: pods of the others are then reached through
// Service istio-eastwestgateway of their istio-system. Without it all share one network.
func (m *Mesh) Split() {
	for i, member := range m.members {
		member.Server.split("network-"+member.ID.String(), gatewayAddress(i))
	}
}

func (s *Server) split(network, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	system := clone(s.store.objects[id{"Namespace", "", "istio-system"}])
	system.SetLabels(map[string]string{labelNetwork: network})
	s.store.put(system)
	s.store.put(&corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-eastwestgateway", UID: newUID(), Labels: map[string]string{labelNetwork: network},
		},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "tls", Port: 15443}}},
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{
			Ingress: []corev1.LoadBalancerIngress{{IP: address}},
		}},
	})
}

// endpoint and gateway are as istiod's debug pages print them (Istio pilot/pkg/model.IstioEndpoint, NetworkGateway).
type (
	endpoint struct {
		Addresses       []string
		ServicePortName string
		TLSMode         string
	}
	gateway struct {
		Network, Cluster, Addr string
		Port                   int
	}
	hostShards struct{ Shards map[string][]endpoint }
)

// place is an endpoint of a Service.
type place struct {
	namespace, service string
	endpoint
}

// shards are the endpoints of each synced cluster by host and namespace, unless the test made the replica lose them.
func (i *Istiods) shards(r *replica) []byte {
	if r.hollow {
		return []byte("{}")
	}
	if r.stale {
		return r.page.shardz.body
	}
	return r.page.shardz.refresh(r.page.sources, func() any {
		all := map[string]map[string]hostShards{}
		for _, source := range r.page.sources {
			for _, p := range source.server.places() {
				host := p.service + "." + p.namespace + ".svc.cluster.local"
				if all[host] == nil {
					all[host] = map[string]hostShards{p.namespace: {map[string][]endpoint{}}}
				}
				shards, by := all[host][p.namespace].Shards, "Kubernetes/"+source.id
				shards[by] = append(shards[by], p.endpoint)
			}
		}
		return all
	})
}

// gateways of the synced clusters.
func (i *Istiods) gateways(r *replica) []byte {
	if r.hollow {
		return []byte("[]")
	}
	if r.stale {
		return r.page.networkz.body
	}
	return r.page.networkz.refresh(r.page.sources, func() any {
		all := []gateway{}
		for _, source := range r.page.sources {
			s := source.server
			s.mu.Lock()
			if address := s.gateway(); address != "" {
				all = append(all, gateway{s.network(), source.id, address, 15443})
			}
			s.mu.Unlock()
		}
		return all
	})
}

// places are the endpoints of all Services of the server; every cluster has Service kubernetes.
func (s *Server) places() []place {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []place{{"default", "kubernetes", endpoint{Addresses: []string{"10.0.0.1"}}}}
	for _, service := range s.services() {
		for _, p := range s.serving(service.Namespace, service.Name) {
			e := endpoint{Addresses: []string{p.Status.PodIP}}
			if injected(p) {
				e.TLSMode = "istio"
			}
			all = append(all, place{service.Namespace, service.Name, e})
		}
	}
	for _, o := range s.store.in(group{"EndpointSlice", byKind, "", ""}) {
		if slice, ok := o.(*discoveryv1.EndpointSlice); ok {
			all = append(all, byHand(slice)...)
		}
	}
	return all
}

// byHand are the endpoints of a slice that are no pods. The Service need not exist, and they need not be ready.
func byHand(slice *discoveryv1.EndpointSlice) (all []place) {
	for _, e := range slice.Endpoints {
		for _, port := range slice.Ports {
			if e.TargetRef == nil && port.Name != nil {
				all = append(all, place{slice.Namespace, slice.Labels[discoveryv1.LabelServiceName], endpoint{Addresses: e.Addresses, ServicePortName: *port.Name}})
			}
		}
	}
	return all
}

// services are those with a port.
func (s *Server) services() (all []*corev1.Service) {
	for _, o := range s.store.in(group{"Service", byKind, "", ""}) {
		if service, ok := o.(*corev1.Service); ok && len(service.Spec.Ports) > 0 {
			all = append(all, service)
		}
	}
	return all
}

// serving are the pods behind a Service.
func (s *Server) serving(namespace, service string) (pods []*corev1.Pod) {
	for _, o := range s.store.in(group{"Pod", byValue, "app", service}) {
		if p, ok := o.(*corev1.Pod); ok && p.Namespace == namespace {
			pods = append(pods, p)
		}
	}
	return pods
}

// network of the member's pods.
func (s *Server) network() string {
	if namespace := s.store.objects[id{"Namespace", "", "istio-system"}]; namespace != nil {
		return namespace.GetLabels()[labelNetwork]
	}
	return ""
}

// gateway is the address of the east-west gateway; "" if there is none.
func (s *Server) gateway() string {
	for _, o := range s.store.in(group{"Service", byLabel, labelNetwork, ""}) {
		if service, ok := o.(*corev1.Service); ok && service.Labels[labelNetwork] != "" && len(service.Status.LoadBalancer.Ingress) > 0 {
			return service.Status.LoadBalancer.Ingress[0].IP
		}
	}
	return ""
}

func injected(p *corev1.Pod) bool { return p.Labels["security.istio.io/tlsMode"] == "istio" }

// podAddress is the n-th address of the member with a number, in networks that do not overlap.
func podAddress(member, n int) string {
	return fmt.Sprintf("10.%d.%d.%d", member%250+1, member/250*32+n/256, n%256)
}

// gatewayAddress is the address of a member's east-west gateway, from the blocks for documentation and benchmarks.
func gatewayAddress(member int) string {
	if member < 254 {
		return fmt.Sprintf("192.0.2.%d", member+1)
	}
	return fmt.Sprintf("198.18.%d.%d", member/250, member%250+1)
}
