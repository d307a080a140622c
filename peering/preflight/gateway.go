package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// networkServices are the Services of To that are labelled as gateway of its network.
func (f *facts) networkServices(ctx context.Context) ([]*corev1.Service, error) {
	all, err := list(ctx, f.to, kindService, "", labelNetwork)
	if err != nil {
		return nil, err
	}
	network, err := f.network(ctx, f.to)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(s *corev1.Service) bool { return s.Labels[labelNetwork] != network }), nil
}

// ways are what leads into To's network as From's istiod sees it: the gateways that To defines, or if there are none, those
// of From and of meshNetworks. istiod prefers gateways of the endpoint's own cluster (Istio
// pilot/pkg/xds/endpoints/ep_filters.go, selectNetworkGateways). With an error there may be more than was found.
func (f *facts) ways(ctx context.Context) (found []source, err error) {
	network, err := f.network(ctx, f.to)
	if err != nil {
		return nil, err
	}
	for _, s := range []*server{f.to, f.from} {
		all, err := f.gatewaySources(ctx, s)
		known := err != nil // then what else there is may not count
		for _, source := range all {
			if source.network == network {
				found = append(found, source)
				known = known || len(source.gateways) > 0
			}
		}
		if known {
			return found, err
		}
	}
	m, err := f.meshIfAny(ctx)
	if err != nil {
		return found, err
	}
	named := source{subject: f.from.name, network: network, note: "meshNetworks of " + f.from.name + " names it"}
	for _, g := range f.meshGateways(m) {
		if g.Network == network {
			named.gateways = append(named.gateways, g)
		}
	}
	if len(named.gateways) > 0 {
		found = append(found, named)
	}
	return found, nil
}

// gatewayAddress judges what leads into To's network by what the client can use; one way is enough.
func gatewayAddress(ctx context.Context, f *facts) []verdict {
	ways, err := f.ways(ctx)
	if len(ways) == 0 && err != nil {
		return one(unread(f.to.name, err))
	}
	if len(ways) == 0 {
		return f.lessGrave(ctx, one(f.noGateway(ctx)), false)
	}
	kinds := f.clientKinds(ctx)
	resolves, cannot := f.istiodEnv(ctx, resolveHostnames) != "false", f.lackedFamily(ctx)
	var found []verdict
	usable := false
	for _, w := range ways {
		verdicts, fits := f.judgeWay(w, kinds, resolves, cannot)
		usable = usable || fits
		found = append(found, verdicts...)
	}
	if err != nil {
		found = append(found, unread(f.to.name, err))
	}
	return f.lessGrave(ctx, found, usable)
}

const resolveHostnames = "RESOLVE_HOSTNAME_GATEWAYS"

// judgeWay says for each kind of client whether it can use the gateways of w.
func (f *facts) judgeWay(w source, kinds []clientKind, resolves bool, cannot func(netip.Addr) bool) (verdicts []verdict, usable bool) {
	switch {
	case w.err != nil:
		return one(unread(w.subject, w.err)), false
	case w.problem != "":
		return one(fail(w.subject, w.remedy, "%s", w.problem)), false
	}
	addresses, problem, remedy := reachable(w, resolves, cannot)
	if len(addresses) == 0 {
		return one(fail(w.subject, remedy, "%s", problem)), false
	}
	for _, kind := range kinds {
		port, problem, remedy := w.portFor(kind)
		if problem != "" && kind == ambientClient && len(kinds) > 1 && usable { // nobody says that there are any
			verdicts = append(verdicts, skip(w.subject, "%s", problem))
			continue
		}
		if problem != "" {
			verdicts = append(verdicts, fail(w.subject, remedy, "%s", problem))
			continue
		}
		usable = true
		text := fmt.Sprintf("port %d at %q for %s", port, addresses, kind)
		for _, note := range []string{w.note, f.mustResolve(addresses)} {
			if note != "" {
				text += "; " + note
			}
		}
		verdicts = append(verdicts, pass(w.subject, "%s", text))
	}
	return verdicts, usable
}

// portFor is the port that clients of a kind are sent to, or why they cannot use it.
func (w source) portFor(kind clientKind) (port int32, problem, remedy string) {
	first := w.gateways[0]
	for _, g := range w.gateways {
		if kind == sidecarClient && g.Port != 0 && g.Port != g.HBONEPort && g.Port != hbonePort {
			return g.Port, "", ""
		}
		if kind == ambientClient && g.HBONEPort != 0 && !w.unmapped {
			return g.HBONEPort, "", ""
		}
	}
	switch {
	case kind == ambientClient && w.unmapped:
		return 0, "istiod sends ambient clients to port 15008 of the nodes, because it maps no HBONE port to a node port", "give ambient clients a gateway of type LoadBalancer"
	case kind == ambientClient:
		return 0, fmt.Sprintf("it does not listen on port %d, which ambient clients need; sidecars can use port %d", hbonePort, first.Port),
			"add a gateway of class istio-east-west, which accepts HBONE"
	case first.Port != 0:
		return 0, fmt.Sprintf("it does not listen on port 15443, which sidecars need: istiod sends them to port %d, which is for HBONE", first.Port),
			"add a gateway with port 15443, and remove label " + labelGatewayPort + " and the addresses of Gateways that accept only HBONE"
	}
	return 0, fmt.Sprintf("it does not listen on port 15443, which sidecars need; ambient clients can use port %d", first.HBONEPort),
		"add a gateway that passes through mutual TLS on port 15443 (Istio samples/multicluster/gen-eastwest-gateway.sh)"
}

// reachable are the addresses that may lead somewhere for a client in another cluster, or why there are none.
func reachable(w source, resolves bool, cannot func(netip.Addr) bool) (addresses []string, problem, remedy string) {
	for _, g := range w.gateways {
		ip, err := netip.ParseAddr(g.Addr)
		switch {
		case err != nil && !resolves:
			problem, remedy = fmt.Sprintf("istiod runs with %s=false and does not resolve its name %q", resolveHostnames, g.Addr), "unset the variable, or give the gateway an IP address"
		case err != nil && internalName(g.Addr):
			problem, remedy = fmt.Sprintf("its name %q resolves in its own cluster only", g.Addr), "give the gateway an address that the other cluster reaches"
		case err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified() || ip.Unmap().IsLinkLocalUnicast()):
			problem, remedy = fmt.Sprintf("its address %s is the client's own host or link", g.Addr), "give the gateway an address that the other cluster reaches"
		case err == nil && cannot(ip.Unmap()):
			problem, remedy = fmt.Sprintf("its address %s is of an IP family that the client's proxies do not have", g.Addr), "give the gateway an address of the clients' IP family too"
		case !slices.Contains(addresses, g.Addr):
			addresses = append(addresses, g.Addr)
		}
	}
	return addresses, problem, remedy
}

func (f *facts) mustResolve(addresses []string) string {
	if named := hostNames(addresses); len(named) > 0 {
		return fmt.Sprintf("the istiod of %s must resolve %s itself (%s)", f.from.name, strings.Join(named, ", "), resolveHostnames)
	}
	return ""
}

// gatewayNames: sidecars get addresses only, so istiod resolves the names of gateways by its own DNS servers, and leaves out
// what it cannot resolve (Istio pilot/pkg/model/network.go). Whether it can is not to be seen from outside.
func gatewayNames(ctx context.Context, f *facts) []verdict {
	ways, err := f.ways(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	addresses, resolves := 0, f.istiodEnv(ctx, resolveHostnames) != "false"
	for _, w := range ways {
		var all []string
		for _, g := range w.gateways {
			if addresses++; !slices.Contains(all, g.Addr) {
				all = append(all, g.Addr)
			}
		}
		named := hostNames(all)
		if len(named) == 0 {
			continue
		}
		if !resolves {
			found = append(found, fail(w.subject, "unset the variable, or give the gateway an IP address",
				"the istiod of %s runs with %s=false and does not resolve %s", f.from.name, resolveHostnames, strings.Join(named, ", ")))
			continue
		}
		text := fmt.Sprintf("it is known by name only (%s)", strings.Join(named, ", "))
		if len(named) < len(all) {
			text = fmt.Sprintf("some of its addresses are names (%s)", strings.Join(named, ", "))
		}
		found = append(found, unknown(w.subject, "look for the resolved address in /debug/networkz of the istiod of "+f.from.name+", or give the gateway an IP address",
			"%s, and whether the istiod of %s resolves it cannot be seen from here", text, f.from.name))
	}
	if addresses == 0 {
		return one(unknown(f.to.name, "see check gateway-address", "no gateway is known"))
	}
	return or(found, pass(f.to.name, "every gateway is known by IP address"))
}

// systemServices are where a gateway that lacks the label would be.
func (f *facts) systemServices(ctx context.Context) ([]*corev1.Service, error) {
	return list(ctx, f.to, kindService, f.to.Namespace, "")
}

// noGateway is the verdict where nothing is labelled as gateway, with what looks like one.
func (f *facts) noGateway(ctx context.Context) verdict {
	network, _ := f.network(ctx, f.to)
	text := "no Service is labelled as gateway of network " + network
	remedy := "install an east-west gateway and label its Service, or its Gateway of the Gateway API, " + labelNetwork + "=" + network
	var others []string
	if all, err := list(ctx, f.to, kindService, "", labelNetwork); err == nil {
		for _, s := range all {
			others = append(others, fmt.Sprintf("%s is of network %q", f.to.object(s), s.Labels[labelNetwork]))
		}
	}
	if all, err := f.systemServices(ctx); err == nil {
		for _, s := range all {
			if s.Labels[labelNetwork] == "" && (s.Labels["istio"] == "eastwestgateway" || portOf(s, 15443) != nil || portOf(s, hbonePort) != nil) {
				others = append(others, f.to.object(s)+" looks like one and lacks the label")
				remedy = "label that Service " + labelNetwork + "=" + network
			}
		}
	}
	if len(others) > 0 {
		text += ": " + strings.Join(others, ", ")
	}
	return f.missing(f.to.name, remedy, "%s", text)
}
