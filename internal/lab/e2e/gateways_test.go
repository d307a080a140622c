//go:build linux

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// gatewayCase is a set of objects that may tell of a gateway of a network that no other case has.
type gatewayCase struct {
	name     string
	inFrom   bool // in the cluster that reads
	service  *corev1.ServiceSpec
	labels   map[string]string
	notes    map[string]string // annotations
	ingress  []corev1.LoadBalancerIngress
	gateway  map[string]any // spec of a Gateway of the Gateway API
	want     int            // gateways with an IP address
	says     string         // what preflight says of it, if istiod takes none of it
	names    []string       // that istiod would have to resolve
	reserved string         // its network
}

// TestPredictedGatewaysAreWhatIstiodKnows holds preflight to istiod's own /debug/networkz, over objects of every kind that
// people make gateways of. The reading istiod gets a credential of the other cluster as always.
func TestPredictedGatewaysAreWhatIstiodKnows(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "read", GatewayAPI: true}, lab.ClusterOptions{ID: "reader", GatewayAPI: true})
	to, from := w.clusters[0], w.clusters[1]
	link := peering.Link{From: from, To: to}
	_, err := (&peering.Peering{Tolerate: []string{"gateway-address", "gateway-passthrough", "gateway-ready"}}).Ensure(t.Context(), link)
	require.NoError(t, err)

	for _, n := range []struct{ name, external, edge string }{{"edge-1", "198.51.100.1", "yes"}, {"edge-2", "198.51.100.2", "no"}, {"inner", "", "yes"}} {
		node := &corev1.Node{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
			ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: map[string]string{"edge": n.edge}},
			Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.77.0.1"}}},
		}
		if n.external != "" {
			node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: n.external})
		}
		put(t, to, node)
	}
	cases := gatewayCases()
	for i := range cases {
		cases[i].reserved = fmt.Sprintf("net-%02d", i)
		cases[i].create(t, w, link)
	}

	in := w.question(t, link)
	in.Workload = nil
	var predicted, known []string
	istiod := w.Cluster("reader").Istiods[0]
	require.Eventually(t, func() bool {
		gateways, err := preflight.NetworkGateways(t.Context(), in)
		require.NoError(t, err)
		predicted = told(gateways)
		body, err := istiod.Debug(t.Context(), "/debug/networkz")
		require.NoError(t, err)
		var live []preflight.NetworkGateway // by the same names
		require.NoError(t, json.Unmarshal(body, &live))
		known = told(live)
		return slices.Equal(predicted, known)
	}, patience, tick, "predicted and known:\n%v", lazily(func() string { return strings.Join(predicted, "\n") + "\n\n" + strings.Join(known, "\n") }))
	t.Log("\n" + strings.Join(known, "\n"))

	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			for _, g := range known {
				if strings.HasPrefix(g, c.reserved+" ") {
					n++
				}
			}
			require.Equal(t, c.want, n, "gateways of %s in\n%s", c.reserved, strings.Join(known, "\n"))
			relabel(t, to, c.reserved)
			findings := findingsOf(t, in, "gateway-address")
			switch {
			case c.says != "":
				require.Contains(t, text(t, findings), c.says)
			case len(c.names) == 0:
				require.NotContains(t, text(t, findings), "failed")
			}
			for _, name := range c.names {
				require.Contains(t, text(t, findings), "must resolve "+name)
				require.Equal(t, []string{"gateway-names"}, ids(findingsOf(t, in, "gateway-names"), probe.Unknown))
			}
		})
	}
}

func gatewayCases() []gatewayCase {
	port := func(n int32) corev1.ServicePort { return corev1.ServicePort{Name: fmt.Sprint("p", n), Port: n} }
	spec := func(kind corev1.ServiceType, ports ...corev1.ServicePort) *corev1.ServiceSpec {
		return &corev1.ServiceSpec{Type: kind, Ports: ports}
	}
	external := func(s *corev1.ServiceSpec, addresses ...string) *corev1.ServiceSpec {
		s.ExternalIPs = addresses
		return s
	}
	class := func(s *corev1.ServiceSpec) *corev1.ServiceSpec { // the lab's balancer would give it an address
		s.LoadBalancerClass = new("example.com/none")
		return s
	}
	headless := spec(corev1.ServiceTypeClusterIP, port(15443))
	headless.ClusterIP = corev1.ClusterIPNone
	const lb, nodes, inner = corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort, corev1.ServiceTypeClusterIP
	address := func(kind, value string) map[string]any { return map[string]any{"type": kind, "value": value} }
	tls := map[string]any{"name": "cross", "port": int64(15443), "protocol": "TLS", "tls": map[string]any{"mode": "Passthrough"}}
	option := map[string]any{"name": "cross", "port": int64(8443), "protocol": "TLS", "tls": map[string]any{
		"mode": "Passthrough", "options": map[string]any{"gateway.istio.io/listener-protocol": "auto-passthrough"},
	}}
	hbone := map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE", "tls": map[string]any{"mode": "Passthrough"}}
	plain := map[string]any{"name": "http", "port": int64(80), "protocol": "HTTP"}
	gateway := func(class string, addresses []any, listeners ...any) map[string]any {
		g := map[string]any{"gatewayClassName": class, "listeners": listeners}
		if addresses != nil {
			g["addresses"] = addresses
		}
		return g
	}
	ip := []any{address("IPAddress", "203.0.113.50")}
	selector := func(value string) map[string]string { return map[string]string{"traffic.istio.io/nodeSelector": value} }
	portLabel := func(value string) map[string]string {
		return map[string]string{"networking.istio.io/gatewayPort": value}
	}
	return []gatewayCase{
		{name: "load balancer", service: class(spec(lb, port(15443))), ingress: []corev1.LoadBalancerIngress{{IP: "203.0.113.1"}}, want: 1},
		{name: "load balancer, two addresses", service: class(spec(lb, port(15443))), ingress: []corev1.LoadBalancerIngress{{IP: "203.0.113.2"}, {IP: "203.0.113.3"}}, want: 2},
		{name: "load balancer, name", service: class(spec(lb, port(15443))), ingress: []corev1.LoadBalancerIngress{{Hostname: "lb.example.invalid"}}, names: []string{"lb.example.invalid"}},
		{name: "load balancer, name and address", service: class(spec(lb, port(15443))), ingress: []corev1.LoadBalancerIngress{{Hostname: "lb.example.invalid"}, {IP: "203.0.113.4"}}, want: 1, names: []string{"lb.example.invalid"}},
		{name: "load balancer, pending", service: class(spec(lb, port(15443))), says: "is pending"},
		{name: "load balancer, pending, external IP", service: external(class(spec(lb, port(15443))), "203.0.113.5"), want: 1},
		{name: "both ports", service: external(spec(inner, port(15443), port(15008)), "203.0.113.6"), want: 1},
		{name: "HBONE only", service: external(spec(inner, port(15008)), "203.0.113.7"), want: 1, says: "which sidecars need"},
		{name: "port by label", service: external(spec(inner, port(443)), "203.0.113.8"), labels: portLabel("443"), want: 1},
		{name: "port by label, none of its own", service: external(spec(inner, port(15443)), "203.0.113.9"), labels: portLabel("443"), says: "does not listen on port 443"},
		{name: "port by label, no number", service: external(spec(inner, port(15443)), "203.0.113.10"), labels: portLabel("tls"), want: 1},
		{name: "port remapped", service: external(spec(inner, corev1.ServicePort{Name: "tls", Port: 443, TargetPort: intstr.FromInt32(15443)}), "203.0.113.11"), says: "does not listen on port 15443"},
		{name: "ClusterIP", service: spec(inner, port(15443)), says: "of type ClusterIP"},
		{name: "headless", service: headless, says: "headless"},
		{name: "ExternalName", service: &corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "gw.example.invalid", Ports: []corev1.ServicePort{port(15443)}}, says: "of type ExternalName"},
		{name: "node port", service: spec(nodes, port(15443)), says: "only with annotation traffic.istio.io/nodeSelector"},
		{name: "node port, external IP", service: external(spec(nodes, port(15443)), "203.0.113.12"), want: 1},
		{name: "node port, every node", service: spec(nodes, port(15443)), notes: selector("{}"), want: 2},
		{name: "node port, empty annotation", service: spec(nodes, port(15443)), notes: selector(""), want: 2},
		{name: "node port, one node", service: spec(nodes, port(15443)), notes: selector(`{"edge":"yes"}`), want: 1},
		{name: "node port, no node", service: spec(nodes, port(15443)), notes: selector(`{"edge":"never"}`), says: "selects 0 of"},
		{name: "node port, no JSON", service: spec(nodes, port(15443)), notes: selector("edge=yes"), want: 2},
		{name: "node port, annotation and external IP", service: external(spec(nodes, port(15443)), "203.0.113.13"), notes: selector("{}"), want: 1},
		{name: "node port, both ports", service: spec(nodes, port(15443), port(15008)), notes: selector(`{"edge":"yes"}`), want: 1},
		{name: "in the reading cluster", inFrom: true, service: external(spec(inner, port(15443)), "203.0.113.14"), want: 1},
		{name: "Gateway API, passthrough", gateway: gateway("istio", ip, tls), want: 1},
		{name: "Gateway API, by option", gateway: gateway("istio", ip, option), want: 1},
		{name: "Gateway API, HBONE", gateway: gateway("istio-east-west", ip, hbone), want: 1, says: "for HBONE"},
		{name: "Gateway API, both", gateway: gateway("istio-east-west", ip, tls, hbone), want: 2},
		{name: "Gateway API, plain", gateway: gateway("istio", ip, plain), says: "none of its listeners leads into the network"},
		{name: "Gateway API, port by label", gateway: gateway("istio", ip, map[string]any{"name": "cross", "port": int64(444), "protocol": "TLS", "tls": map[string]any{"mode": "Passthrough"}}), labels: portLabel("444"), want: 1},
		{name: "Gateway API, name", gateway: gateway("istio", []any{address("Hostname", "gw.example.invalid")}, tls), names: []string{"gw.example.invalid"}},
		{name: "Gateway API, other kind of address", gateway: gateway("istio", []any{address("example.com/other", "x")}, tls), says: "names no address"},
		{name: "Gateway API, not deployed", gateway: gateway("istio", nil, tls), says: "names no address"},
		{name: "Gateway API, remote, of the other cluster", gateway: gateway("istio-remote", ip, tls), says: "in its own cluster only"},
		{name: "Gateway API, remote, of the reading cluster", inFrom: true, gateway: gateway("istio-remote", ip, tls), want: 1},
	}
}

func (c gatewayCase) create(t *testing.T, w *world, link peering.Link) {
	t.Helper()
	cluster := link.To
	if c.inFrom {
		cluster = link.From
	}
	labels := map[string]string{"topology.istio.io/network": c.reserved}
	for k, v := range c.labels {
		labels[k] = v
	}
	if c.gateway != nil {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "spec": c.gateway}}
		o.SetNamespace("istio-system")
		o.SetName(c.reserved)
		o.SetLabels(labels)
		put(t, cluster, o)
		return
	}
	s := service("istio-system", c.reserved)
	s.Labels, s.Annotations, s.Spec = labels, c.notes, *c.service
	put(t, cluster, s)
	if c.ingress == nil {
		return
	}
	client, err := kubernetes.NewForConfig(w.Cluster(cluster.ID.String()).Config)
	require.NoError(t, err)
	live, err := client.CoreV1().Services("istio-system").Get(t.Context(), c.reserved, metav1.GetOptions{})
	require.NoError(t, err)
	live.Status.LoadBalancer.Ingress = c.ingress
	_, err = client.CoreV1().Services("istio-system").UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
	require.NoError(t, err)
}

// put creates an object in a lab that no other test uses.
func put(t *testing.T, c *peering.Cluster, o peering.Object) {
	t.Helper()
	_, err := c.Objects.Create(t.Context(), o)
	require.NoError(t, err)
}

// told are the gateways with an IP address, each once: istiod tells of no others, and lab.invalid names resolve nowhere.
func told(gateways []preflight.NetworkGateway) []string {
	var all []string
	for _, g := range gateways {
		if strings.HasSuffix(g.Addr, ".invalid") {
			continue
		}
		all = append(all, fmt.Sprintf("%s %s %s %d %d", g.Network, g.Cluster, g.Addr, g.Port, g.HBONEPort))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// relabel gives the cluster that is read the network of a case until its test is over.
func relabel(t *testing.T, c *peering.Cluster, network string) {
	t.Helper()
	set := func(ctx context.Context, value string) string {
		o, err := c.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-system"}})
		require.NoError(t, err)
		before := o.GetLabels()["topology.istio.io/network"]
		o.SetLabels(map[string]string{"topology.istio.io/network": value})
		_, err = c.Objects.Update(ctx, o)
		require.NoError(t, err)
		return before
	}
	before := set(t.Context(), network)
	t.Cleanup(func() { set(context.Background(), before) })
}

func findingsOf(t *testing.T, in preflight.Input, check string) []preflight.Finding {
	t.Helper()
	findings, err := preflight.Run(t.Context(), in)
	require.NoError(t, err)
	return slices.DeleteFunc(findings, func(f preflight.Finding) bool { return f.ID != check })
}

// lazily is a text that is made when it is shown.
type lazily func() string

func (l lazily) String() string { return l() }
