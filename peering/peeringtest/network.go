package peeringtest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const labelNetwork = "topology.istio.io/network"

// Split puts each member in a network of its own, with an east-west gateway: pods of the others are then reached through
// Service istio-eastwestgateway of their istio-system. Without it all share one network.
func (m *Mesh) Split() {
	for i, member := range m.members {
		network := "network-" + member.ID.String()
		s := member.Server
		s.mu.Lock()
		system := clone(s.objects[key(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-system"}})])
		system.SetLabels(map[string]string{labelNetwork: network})
		s.store(system)
		s.store(&corev1.Service{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "istio-system", Name: "istio-eastwestgateway", UID: newUID(), Labels: map[string]string{labelNetwork: network},
			},
			Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{
				Ingress: []corev1.LoadBalancerIngress{{IP: fmt.Sprintf("192.0.2.%d", i+1)}},
			}},
		})
		s.mu.Unlock()
	}
}

// network of the member's pods.
func (s *Server) network() string {
	return s.objects[key(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-system"}})].GetLabels()[labelNetwork]
}

// gateway is the address of the east-west gateway; "" if there is none.
func (s *Server) gateway() string {
	for _, o := range s.sorted() {
		if service, ok := o.(*corev1.Service); ok && service.Labels[labelNetwork] != "" && len(service.Status.LoadBalancer.Ingress) > 0 {
			return service.Status.LoadBalancer.Ingress[0].IP
		}
	}
	return ""
}

// serving are the pods behind a Service.
func (s *Server) serving(namespace, service string) (pods []*corev1.Pod) {
	for _, o := range s.sorted() {
		if p, ok := o.(*corev1.Pod); ok && p.Namespace == namespace && p.Labels["app"] == service {
			pods = append(pods, p)
		}
	}
	return pods
}

func injected(p *corev1.Pod) bool { return p.Labels["security.istio.io/tlsMode"] == "istio" }
