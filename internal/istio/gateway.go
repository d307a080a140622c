package istio

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// What makes a Service or a Gateway one that leads into a network (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
const (
	LabelNetwork     = "topology.istio.io/network"
	LabelGatewayPort = "networking.istio.io/gatewayPort"
	NodeSelector     = "traffic.istio.io/nodeSelector" // annotation
	HBONEPort        = int32(15008)                    // for ambient clients
)

// GatewayPort is the one for sidecars: 15443, unless a label says otherwise. istiod takes a label that is no number for 15443.
func GatewayPort(labels map[string]string) int32 {
	if n, err := strconv.ParseInt(labels[LabelGatewayPort], 10, 32); err == nil {
		return int32(n)
	}
	return 15443
}

// ServicePort is the port of that number; nil if the Service has none.
func ServicePort(s *corev1.Service, number int32) *corev1.ServicePort {
	for i := range s.Spec.Ports {
		if s.Spec.Ports[i].Port == number {
			return &s.Spec.Ports[i]
		}
	}
	return nil
}

// WithoutAddress says why istiod finds no address of a gateway's Service, by its type.
func WithoutAddress(s *corev1.Service) (seen, remedy string) {
	const instead = "set spec.externalIPs, or make it of type LoadBalancer"
	switch s.Spec.Type {
	case corev1.ServiceTypeNodePort:
		ports := "its node ports"
		if p := ServicePort(s, GatewayPort(s.Labels)); p != nil && p.NodePort != 0 {
			ports = fmt.Sprintf("node port %d", p.NodePort)
		}
		return "it has no external address: it is of type NodePort, and istiod uses addresses of nodes only with annotation " + NodeSelector,
			fmt.Sprintf(`annotate it with %s, whose value is a JSON object of node labels ('{}' for every node): clients then need the ExternalIP of these nodes and %s; or %s`, NodeSelector, ports, instead)
	case corev1.ServiceTypeExternalName:
		return "it has no external address: it is of type ExternalName, which istiod does not follow",
			"name the address in meshNetworks, or in a Gateway of class istio-remote that the reading cluster holds"
	case corev1.ServiceTypeClusterIP:
		kind := "ClusterIP"
		if s.Spec.ClusterIP == corev1.ClusterIPNone {
			kind = "ClusterIP and headless"
		}
		return "it has no external address: it is of type " + kind + ", which clients elsewhere do not reach", instead
	}
	if class := s.Spec.LoadBalancerClass; class != nil {
		return fmt.Sprintf("it has no external address: its load balancer of class %q is pending", *class), "see that the controller of this class runs, wait for it, or set spec.externalIPs"
	}
	return "it has no external address: its load balancer is pending", "wait for its load balancer, or repair it, or set spec.externalIPs"
}
