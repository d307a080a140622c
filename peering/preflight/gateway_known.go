package preflight

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
)

// NetworkGateway is an address that From's istiod uses to send clients into a network (Istio pilot/pkg/model.NetworkGateway).
// Where Addr is a name, istiod uses what it resolves to, unless RESOLVE_HOSTNAME_GATEWAYS is false.
type NetworkGateway struct {
	Network   string
	Cluster   string // whose API server holds the Object; "" for meshNetworks
	Addr      string // an IP address or a name
	Port      int32  // for sidecars; 0 if it accepts none
	HBONEPort int32  // for ambient clients; 0 if it accepts none
	Object    string // the Service, Gateway or meshNetworks that defines it, as findings name it
}

// NetworkGateways predicts which gateways, of every network, From's istiod will know once it reads To: what its
// /debug/networkz will show, with names instead of the addresses they resolve to. It follows istiod's own rules (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go). It returns an error if something could not be read, because there
// may be more gateways.
func NetworkGateways(ctx context.Context, in Input) ([]NetworkGateway, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	f := NewChecker().facts(in)
	var all []NetworkGateway
	for _, s := range []*server{f.from, f.to} {
		sources, err := f.gatewaySources(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			if source.err != nil {
				return nil, source.err
			}
			all = append(all, source.gateways...)
		}
	}
	m, err := f.meshIfAny(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, f.meshGateways(m)...)
	slices.SortFunc(all, func(a, b NetworkGateway) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Object, b.Object))
	})
	return all, nil
}

const (
	labelNetwork     = istio.LabelNetwork
	labelGatewayPort = istio.LabelGatewayPort
	nodeSelector     = istio.NodeSelector
	hbonePort        = istio.HBONEPort
)

// source is an object that is meant to define gateways: a Service with a network, or a Gateway of the Gateway API.
type source struct {
	subject, network string
	cluster          string
	gateways         []NetworkGateway
	problem, remedy  string // why istiod takes no gateway from it
	note             string // what else somebody should know
	unmapped         bool   // the HBONE port is not that of the nodes
	err              error  // what of it could not be read
}

// gatewaySources are those that From's istiod finds in the API server of s, good or not. With an error there may be more.
func (f *facts) gatewaySources(ctx context.Context, s *server) (all []source, err error) {
	m, err := f.meshIfAny(ctx)
	if err != nil {
		m = &mesh{}
	}
	services, servicesErr := list(ctx, s, kindService, "", labelNetwork)
	for _, svc := range services {
		if svc.Labels[labelNetwork] != "" {
			all = append(all, f.labelledService(ctx, s, svc))
		}
	}
	all = append(all, f.registeredServices(ctx, s, m)...)
	gateways, gatewaysErr := f.gatewayAPI(ctx, s)
	all = append(all, f.labelledGateways(ctx, s, services, gateways)...)
	for i := range all {
		f.discover(ctx, s, m, &all[i])
	}
	for _, other := range []error{servicesErr, gatewaysErr} {
		if err == nil {
			err = other
		}
	}
	return all, err
}

// discover drops what is in a namespace that istiod does not look at.
func (f *facts) discover(ctx context.Context, s *server, m *mesh, found *source) {
	if len(m.GetDiscoverySelectors()) == 0 || found.err != nil || found.problem != "" {
		return
	}
	name := strings.Split(found.subject, "/")[1]
	ns, err := get(ctx, s, kindNamespace, "", name)
	switch {
	case err != nil:
		found.err = err
	case !discovered(m, ns.Labels):
		found.gateways = nil
		found.problem = fmt.Sprintf("no discovery selector of %s matches namespace %s", f.from.name, name)
		found.remedy = "label the namespace so that a discovery selector matches"
	}
}

// labelledService is a Service that carries the label of a network.
func (f *facts) labelledService(ctx context.Context, s *server, svc *corev1.Service) source {
	found := source{subject: s.object(svc), network: svc.Labels[labelNetwork], cluster: s.ID}
	own, base := istio.GatewayPort(svc.Labels), NetworkGateway{}
	if portOf(svc, own) != nil {
		base.Port = own
	}
	if portOf(svc, hbonePort) != nil {
		base.HBONEPort = hbonePort
	}
	if base.Port == 0 && base.HBONEPort == 0 {
		found.problem = fmt.Sprintf("it does not listen on port %d, which sidecars need, nor on port %d, which ambient clients need", own, hbonePort)
		found.remedy = "add the port, or name the right one by label " + labelGatewayPort
		for _, p := range svc.Spec.Ports {
			if p.TargetPort.IntValue() == 15443 {
				found.remedy = fmt.Sprintf("label the Service %s=%d: istiod goes by the port of the Service, not by its target port", labelGatewayPort, p.Port)
			}
		}
		return found
	}
	f.address(ctx, s, svc, base, &found)
	return found
}

// registeredServices are those that meshNetworks names for the registry of s by registryServiceName. A label comes first.
func (f *facts) registeredServices(ctx context.Context, s *server, m *mesh) []source {
	var all []source
	for _, network := range sortedKeys(m.networks.GetNetworks()) {
		n := m.networks.GetNetworks()[network]
		if !registers(n, s.ID) {
			continue
		}
		for _, gw := range n.GetGateways() {
			name, rest, _ := strings.Cut(gw.GetRegistryServiceName(), ".")
			in, _, _ := strings.Cut(rest, ".")
			if name == "" || in == "" {
				continue
			}
			found := source{subject: s.thing(kindService.name, in, name), network: network, cluster: s.ID}
			svc, err := get(ctx, s, kindService, in, name)
			switch {
			case err != nil && absent(err):
				found.problem, found.remedy = "meshNetworks names it as registryServiceName, and it does not exist", "create the Service, or correct meshNetworks"
			case err != nil:
				found.err = err
			case svc.Labels[labelNetwork] != "":
				continue
			default:
				f.address(ctx, s, svc, NetworkGateway{Port: int32(gw.GetPort())}, &found)
			}
			all = append(all, found)
		}
	}
	return all
}

// address gives the gateway its addresses as istiod finds them (Istio pilot/pkg/serviceregistry/kube/conversion.go): those of
// a load balancer, external IPs, or else those of nodes.
func (f *facts) address(ctx context.Context, s *server, svc *corev1.Service, base NetworkGateway, found *source) {
	var addresses []string
	if kind := svc.Spec.Type; kind == corev1.ServiceTypeLoadBalancer || kind == "" {
		for _, in := range svc.Status.LoadBalancer.Ingress {
			if a := cmp.Or(in.IP, in.Hostname); a != "" {
				addresses = append(addresses, a)
			}
		}
	}
	addresses = append(addresses, svc.Spec.ExternalIPs...)
	selector, ofNodes := svc.Annotations[nodeSelector]
	ofNodes = ofNodes && svc.Spec.Type == corev1.ServiceTypeNodePort
	if ofNodes {
		if len(addresses) == 0 {
			addresses = f.nodeAddresses(ctx, s, selector, found)
		}
		if p := portOf(svc, base.Port); p != nil {
			base.Port = p.NodePort // istiod maps this port alone
		}
		found.unmapped = base.HBONEPort != 0
	}
	if len(addresses) == 0 && found.problem == "" && found.err == nil {
		found.problem, found.remedy = istio.WithoutAddress(svc)
	}
	base.Network, base.Cluster, base.Object = found.network, found.cluster, found.subject
	for _, base.Addr = range addresses {
		if !slices.Contains(found.gateways, base) {
			found.gateways = append(found.gateways, base)
		}
	}
}

// nodeAddresses are the external addresses of the nodes that the annotation selects, one of each node. istiod takes a text
// that is not a JSON object of strings for one that selects every node.
func (f *facts) nodeAddresses(ctx context.Context, s *server, selector string, found *source) []string {
	var want map[string]string
	if err := json.Unmarshal([]byte(selector), &want); err != nil && selector != "" {
		found.note = fmt.Sprintf("annotation %s=%q is not a JSON object of node labels, so istiod uses every node", nodeSelector, selector)
	}
	nodes, err := list(ctx, s, kindNode, "", "")
	if err != nil {
		found.err = err
		return nil
	}
	var addresses []string
	selected := 0
	for _, n := range nodes {
		if !within(want, n.Labels) {
			continue
		}
		selected++
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeExternalIP && a.Address != "" {
				addresses = append(addresses, a.Address)
				break
			}
		}
	}
	if len(addresses) == 0 {
		found.problem = fmt.Sprintf("annotation %s=%q selects %d of %d nodes, and none of them has an address of type ExternalIP, the only type that istiod uses", nodeSelector, selector, selected, len(nodes))
		found.remedy = "select other nodes, let the cloud provider set their ExternalIP, or set spec.externalIPs of the Service and remove the annotation"
		if selected == 0 {
			found.remedy = "select nodes that exist: the value is a JSON object of node labels, and {} selects every node"
		}
	}
	return addresses
}
