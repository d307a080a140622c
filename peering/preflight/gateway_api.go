package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// apiGateway is what istiod reads of a Gateway of the Gateway API (gateway.networking.k8s.io/v1, GatewaySpec).
type apiGateway struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		GatewayClassName string `json:"gatewayClassName"`
		Addresses        []struct {
			Type  *string `json:"type"`
			Value string  `json:"value"`
		} `json:"addresses"`
		Listeners []listener `json:"listeners"`
	} `json:"spec"`
	Status struct {
		Addresses []struct {
			Value string `json:"value"`
		} `json:"addresses"`
	} `json:"status"`
}

type listener struct {
	Name     string  `json:"name"`
	Hostname *string `json:"hostname"`
	Port     int32   `json:"port"`
	Protocol string  `json:"protocol"`
	TLS      *struct {
		Mode    string            `json:"mode"`
		Options map[string]string `json:"options"`
	} `json:"tls"`
}

const (
	gatewayGroup  = "gateway.networking.k8s.io"
	classRemote   = "istio-remote" // Istio pkg/config/constants
	classEastWest = "istio-east-west"
	protocolHBONE = "HBONE"
)

// passesThrough says whether istiod takes the listener for one that lets calls through by SNI
// (Istio pilot/pkg/serviceregistry/kube/conversion.go, IsAutoPassthrough).
func (g *apiGateway) passesThrough(l listener) bool {
	if l.TLS == nil {
		return false
	}
	if l.TLS.Options["gateway.istio.io/listener-protocol"] == "auto-passthrough" {
		return true
	}
	port := "15443"
	if named, ok := g.Labels[labelGatewayPort]; ok {
		port = named
	}
	_, labelled := g.Labels[labelNetwork]
	return labelled && fmt.Sprint(l.Port) == port
}

// readsV1Gateways is the first istiod that is known to read v1 of the Gateway API and no version before it; of those before, some
// read v1beta1, which CRDs serve beside v1 or alone (Istio pkg/config/schema/gvr).
var readsV1Gateways = release{major: 1, minor: 31, pre: "alpha"}

// gatewayAPI lists the Gateways of the Gateway API on s, of the version that is served and that some istiod of From reads. Where
// none is, istiod reads none.
func (f *facts) gatewayAPI(ctx context.Context, s *server) ([]*apiGateway, error) {
	kinds := []kind[*unstructured.Unstructured]{kindAPIGateway, kindAPIGatewayBeta}
	versions, err := f.istioVersions(ctx)
	if err == nil && len(versions) > 0 && !slices.ContainsFunc(versions, func(version string) bool {
		r, ok := parseRelease(version)
		return !ok || r.compare(readsV1Gateways) < 0
	}) {
		kinds = kinds[:1]
	}
	return fact(ctx, s, key{what: "gateway API", apiVersion: kinds[len(kinds)-1].apiVersion}, func(ctx context.Context) ([]*apiGateway, error) {
		return s.readGatewayAPI(ctx, kinds)
	})
}

func (s *server) readGatewayAPI(ctx context.Context, kinds []kind[*unstructured.Unstructured]) ([]*apiGateway, error) {
	var found []*unstructured.Unstructured
	for _, k := range kinds {
		all, err := listServed(ctx, s, k, "", "")
		if err != nil && !absent(err) {
			return nil, err
		}
		if found = all; err == nil {
			break
		}
	}
	gateways := make([]*apiGateway, len(found))
	for i, u := range found {
		gateways[i] = &apiGateway{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, gateways[i]); err != nil {
			return nil, &contentError{s.object(u), err}
		}
	}
	return gateways, nil
}

func (s *server) apiObject(g *apiGateway) string {
	return s.name + " Gateway/" + g.Namespace + "/" + g.Name
}

// labelledGateways are the Gateways that carry the label of a network. istiod takes the addresses of their spec; the Service
// that it deploys for one carries the same label and is judged by itself.
func (f *facts) labelledGateways(ctx context.Context, s *server, services []*corev1.Service, gateways []*apiGateway) []source {
	var all []source
	for _, g := range gateways {
		network := g.Labels[labelNetwork]
		if network == "" {
			continue
		}
		found := source{subject: s.apiObject(g), network: network, cluster: s.ID}
		switch {
		case f.istiodEnv(ctx, "PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API") == "false":
			found.problem, found.remedy = "the istiod of "+f.from.name+" runs with PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API=false", "unset the variable, or label a Service"
		case g.Spec.GatewayClassName == classRemote && s != f.from:
			found.problem = "it is of class " + classRemote + ", which istiod reads in its own cluster only"
			found.remedy = "create it in " + f.from.name + ", whose istiod is to know the gateway"
		default:
			found.gateways = g.networkGateways(found)
			if len(found.gateways) == 0 {
				if deployed(g, services) {
					continue
				}
				found.problem, found.remedy = g.whyNone()
			}
		}
		all = append(all, found)
	}
	return all
}

// networkGateways is a gateway for each address and each listener that leads into the network.
func (g *apiGateway) networkGateways(of source) []NetworkGateway {
	var all []NetworkGateway
	for _, a := range g.Spec.Addresses {
		if a.Type == nil || *a.Type != "IPAddress" && *a.Type != "Hostname" {
			continue
		}
		base := NetworkGateway{Network: of.network, Cluster: of.cluster, Addr: a.Value, Object: of.subject}
		for _, l := range g.Spec.Listeners {
			found := base
			if g.passesThrough(l) {
				found.Port = l.Port
				all = append(all, found)
			}
			if l.Protocol == protocolHBONE {
				found.Port, found.HBONEPort = l.Port, l.Port // istiod takes the port for both
				all = append(all, found)
			}
		}
	}
	return all
}

// deployed says whether one of the labelled Services is that of the Gateway (Istio
// manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml).
func deployed(g *apiGateway, services []*corev1.Service) bool {
	return slices.ContainsFunc(services, func(s *corev1.Service) bool {
		return s.Namespace == g.Namespace && (s.Labels[gatewayGroup+"/gateway-name"] == g.Name || s.Name == g.Name+"-"+g.Spec.GatewayClassName)
	})
}

func (g *apiGateway) whyNone() (problem, remedy string) {
	if !slices.ContainsFunc(g.Spec.Listeners, func(l listener) bool { return l.Protocol == protocolHBONE || g.passesThrough(l) }) {
		return "none of its listeners leads into the network",
			"add a TLS listener with mode Passthrough on port 15443 for sidecars, or one of protocol HBONE on port 15008 for ambient clients"
	}
	return fmt.Sprintf("its spec names no address, and there is no labelled Service %s-%s that istiod deploys for it", g.Name, g.Spec.GatewayClassName),
		"see its status for why nothing is deployed, or name the address of its gateway in spec.addresses"
}

// meshGateways are the addresses that meshNetworks of From names itself.
func (f *facts) meshGateways(m *mesh) []NetworkGateway {
	var all []NetworkGateway
	for _, network := range sortedKeys(m.networks.GetNetworks()) {
		for _, gw := range m.networks.GetNetworks()[network].GetGateways() {
			if gw.GetAddress() != "" {
				all = append(all, NetworkGateway{Network: network, Addr: gw.GetAddress(), Port: int32(gw.GetPort()), Object: f.from.name + " meshNetworks"})
			}
		}
	}
	return all
}

// registers says whether endpoints of the cluster are of the network by meshNetworks.
func registers(n *meshv1alpha1.Network, cluster string) bool {
	return slices.ContainsFunc(n.GetEndpoints(), func(e *meshv1alpha1.Network_NetworkEndpoints) bool {
		return e.GetFromRegistry() == cluster && cluster != ""
	})
}

// internalName says whether a name means something in one cluster only.
func internalName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return !strings.Contains(name, ".") || strings.HasSuffix(name, ".svc") || strings.Contains(name, ".svc.") || strings.HasSuffix(name, ".local")
}
