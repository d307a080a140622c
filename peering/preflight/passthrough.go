package preflight

import (
	"context"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/probe"
)

// gatewayPassthrough looks for what lets calls through the gateway: for sidecars by SNI, unopened, for ambient clients by
// HBONE (Istio samples/multicluster/expose-services.yaml and gen-eastwest-gateway.sh).
func gatewayPassthrough(ctx context.Context, f *facts) []verdict {
	var found []verdict
	usable, unseen := false, false
	kinds := f.clientKinds(ctx)
	for _, kind := range kinds {
		v := f.letsThrough(ctx, kind)
		if kind == ambientClient && len(kinds) > 1 && v.status != probe.Passed && (usable || unseen) {
			continue // nobody says that there are ambient clients
		}
		unseen = unseen || v.status == probe.Unknown
		usable = usable || v.status == probe.Passed
		found = append(found, v)
	}
	return f.lessGrave(ctx, found, usable)
}

// lessGrave makes what is wrong with one of several gateways a warning if another one works, or where there can be none yet:
// in a cluster that From's istiods serve, no gateway runs before they read it.
func (f *facts) lessGrave(ctx context.Context, found []verdict, works bool) []verdict {
	later := !works && f.served(ctx)
	for i := range found {
		if !works && !later || found[i].status == probe.Passed {
			continue
		}
		if found[i].severity = Warns; later {
			found[i].remedy = "once the clusters are peered, " + found[i].remedy
		}
	}
	return found
}

func (f *facts) letsThrough(ctx context.Context, kind clientKind) verdict {
	if kind == ambientClient {
		return f.tunnels(ctx)
	}
	gateways, err := f.gatewayAPI(ctx, f.to)
	services, servicesErr := f.networkServices(ctx)
	for _, g := range gateways {
		for _, l := range g.Spec.Listeners {
			switch {
			case !g.passesThrough(l):
			case l.Hostname != nil && f.Workload != nil && !covers(*l.Hostname, f.Workload.host()):
			case servicesErr == nil && (deployed(g, services) || addressed(g, services)):
				return pass(f.to.apiObject(g), "its listener %s on port %d lets calls of %s through", l.Name, l.Port, kind)
			}
		}
	}
	v := f.passesThrough(ctx)
	if v.status == probe.Failed && err != nil {
		return unread(f.to.name, err)
	}
	return v
}

// tunnels looks for a Gateway that istiod sends ambient clients to. A Service alone is none, other than for sidecars (Istio
// pilot/pkg/serviceregistry/ambient/networks.go): of To those of class istio-east-west count that end TLS, of From those of
// class istio-remote, each with an address in its status.
func (f *facts) tunnels(ctx context.Context) verdict {
	network, err := f.network(ctx, f.to)
	if err != nil {
		return unread(f.to.name, err)
	}
	why := "no Gateway of the Gateway API for network " + network + " has a listener of protocol HBONE, which ambient clients need"
	var unseen error
	for _, s := range []*server{f.to, f.from} {
		gateways, err := f.gatewayAPI(ctx, s)
		if err != nil {
			unseen = err
		}
		for _, g := range gateways {
			class, own := g.Spec.GatewayClassName, s == f.to
			i := slices.IndexFunc(g.Spec.Listeners, func(l listener) bool { return l.Protocol == protocolHBONE })
			switch subject := s.apiObject(g); {
			case g.Labels[labelNetwork] != network || i < 0 || !own && class != classRemote:
			case own && class != classEastWest:
				why = subject + " is of class " + class + ", and ambient clients are sent to gateways of class " + classEastWest
			case own && (g.Spec.Listeners[i].TLS == nil || g.Spec.Listeners[i].TLS.Mode != "Terminate"):
				why = subject + " has an HBONE listener that does not end TLS (tls.mode Terminate)"
			case len(g.Status.Addresses) == 0:
				why = subject + " has no address in its status: nothing is deployed for it yet"
			default:
				return pass(subject, "its listener %s on port %d takes calls of ambient clients", g.Spec.Listeners[i].Name, g.Spec.Listeners[i].Port)
			}
		}
	}
	if unseen != nil {
		return unread(f.to.name, unseen)
	}
	return f.missing(f.to.name, "create a Gateway of class "+classEastWest+" with a listener of protocol HBONE on port 15008 and label "+labelNetwork+
		" (Istio samples/multicluster/gen-eastwest-gateway.sh --ambient)", "%s", why)
}

// addressed says whether the Gateway names one of the Services as its address, as one does that is deployed by hand.
func addressed(g *apiGateway, services []*corev1.Service) bool {
	for _, a := range g.Spec.Addresses {
		for _, s := range services {
			if a.Value == s.Name || strings.HasPrefix(a.Value, s.Name+"."+s.Namespace+".svc") || slices.Contains(s.Spec.ExternalIPs, a.Value) {
				return true
			}
			for _, in := range s.Status.LoadBalancer.Ingress {
				if a.Value == in.IP || a.Value == in.Hostname {
					return true
				}
			}
		}
	}
	return false
}

// passesThrough looks for an Istio Gateway that lets calls of sidecars through.
func (f *facts) passesThrough(ctx context.Context) verdict {
	mesh := f.meshOf(ctx, f.to)
	objects, err := f.gatewayObjects(ctx)
	if err != nil {
		return unread(mesh.name, err)
	}
	const remedy = "apply Istio's samples/multicluster/expose-services.yaml (with ASM: to the ASM instance)"
	services, servicesErr := f.networkServices(ctx)
	pods, podsErr := f.gatewayPods(ctx)
	why := "no Gateway has a server with tls.mode AUTO_PASSTHROUGH"
	var unseen *verdict
	for _, o := range objects {
		for _, server := range o.Spec.Servers {
			if server.GetTls().GetMode() != networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH {
				continue
			}
			switch subject := mesh.object(o); {
			case !f.exposes(o, server.Hosts):
				why = subject + " does not cover the service: its hosts are " + strings.Join(server.Hosts, ", ")
			case servicesErr == nil && len(services) > 0 && !onPort(services, server.GetPort().GetNumber()):
				why = subject + " listens on another port than the gateway Service"
			case podsErr == nil && len(pods) > 0 && !anyWithin(o.Spec.Selector, pods):
				why = subject + " selects none of the gateway's Pods"
			case servicesErr != nil || podsErr != nil || len(pods) == 0:
				v := unknown(subject, "make the gateway's Service and Pods readable", "it lets calls through, but whether on the gateway of %s could not be seen", f.to.name)
				unseen = &v
			default:
				return pass(subject, "it lets calls to %s through", strings.Join(server.Hosts, ", "))
			}
		}
	}
	if unseen != nil {
		return *unseen
	}
	return f.missing(mesh.name, remedy, "%s", why)
}

// exposes says whether the hosts of a server cover the service; without one, whether they cover any service.
func (f *facts) exposes(o *networkingv1.Gateway, hosts []string) bool {
	for _, host := range hosts {
		in, name, qualified := strings.Cut(host, "/")
		if !qualified {
			in, name = "*", host
		}
		switch {
		case f.Workload == nil:
			return true
		case in == "." && o.Namespace != f.Workload.Namespace, in != "*" && in != "." && in != f.Workload.Namespace:
		case covers(name, f.Workload.host()):
			return true
		}
	}
	return false
}

// onPort says whether a gateway's Service leads to the port, by itself or by its target port. That the Service has its own
// port at all is another check's concern.
func onPort(services []*corev1.Service, port uint32) bool {
	for _, s := range services {
		own := istio.GatewayPort(s.Labels)
		if uint32(own) == port {
			return true
		}
		for _, p := range s.Spec.Ports {
			if p.Port == own && p.TargetPort.IntValue() != 0 && uint32(p.TargetPort.IntValue()) == port {
				return true
			}
		}
	}
	return false
}

func anyWithin(selector map[string]string, pods []*corev1.Pod) bool {
	for _, pod := range pods {
		if within(selector, pod.Labels) {
			return true
		}
	}
	return false
}
