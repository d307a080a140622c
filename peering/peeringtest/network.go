package peeringtest

import (
	corev1 "k8s.io/api/core/v1"
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
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{
			Ingress: []corev1.LoadBalancerIngress{{IP: address}},
		}},
	})
}
