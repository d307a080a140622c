package preflight_test

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Two sides that nobody can read yet: nothing fails, and each finding says what would make it known.
func ExampleRun() {
	findings, err := preflight.Run(context.Background(), preflight.Input{
		From:     preflight.Side{ID: "cluster-2"},
		To:       preflight.Side{ID: "cluster-1"},
		Endpoint: secrets.Endpoint{Server: "https://127.0.0.1:6443"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		if f.ID == "distinct-clusters" || f.Status == probe.Failed {
			fmt.Printf("%s: %s\n  %s\n", f.ID, f.Evidence, f.Remedy)
		}
	}
	// Output:
	// distinct-clusters: not checked: Input.From.Reader is not given
	//   give Input.From.Reader
	// server-url: Endpoint.Server "https://127.0.0.1:6443" is an address of the local host, where istiod would find only itself
	//   give an address that the reading istiod's pods reach, or set AllowLoopback if it runs on this host
}

func ExampleWriteText() {
	_ = preflight.WriteText(os.Stdout, []preflight.Finding{
		{ID: "root-ca", Severity: preflight.Blocks, Status: probe.Passed, Subject: "From and To", Evidence: "they share 1 of 1 roots"},
		{ID: "locality", Severity: preflight.Informs, Status: probe.Warned, Subject: "cluster-2", Evidence: "its traffic distribution is PreferClose", Remedy: "expect the local side to answer as long as it can"},
	})
	// Output:
	// passed  root-ca   From and To: they share 1 of 1 roots
	// warned  locality  cluster-2: its traffic distribution is PreferClose
	//                   informs: expect the local side to answer as long as it can
}

func ExampleHazards() {
	for _, h := range preflight.Hazards("1.29.1") {
		fmt.Printf("%s: %s (%s)\n", h.Do, h.Remedy, h.Source)
	}
	// Output:
	// warn: expect a short gap in the endpoints, and validate the Secret before writing it (istio/istio#36365)
	// restart: upgrade to 1.29.3, or restart istiod after every rotation (istio/istio#59875)
}

func ExampleChecks() {
	for _, c := range preflight.Checks()[:2] {
		fmt.Printf("%s (%s): %s\n", c.ID, c.Severity, c.Asks)
	}
	// Output:
	// distinct-clusters (blocks): From and To are different clusters
	// cluster-id-valid (blocks): the ID of To can be a data key of a Secret
}

// Which gateways will From's istiod know once it reads To? Here To has one, and its load balancer has a name.
func ExampleNetworkGateways() {
	west := &memory{}
	west.add(&corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "eastwest", Labels: map[string]string{"topology.istio.io/network": "west"}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 15443}}},
		Status:     corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{Hostname: "lb.example.com"}}}},
	})
	gateways, err := preflight.NetworkGateways(context.Background(), preflight.Input{
		From: preflight.Side{ID: "east", Reader: &memory{}},
		To:   preflight.Side{ID: "west", Reader: west},
	})
	fmt.Println(err)
	for _, g := range gateways {
		fmt.Println(g.Network, g.Addr, g.Port, g.Object)
	}
	// Output:
	// <nil>
	// west lb.example.com 15443 west Service/istio-system/eastwest
}
