package traffic

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// askEvery asks each istiod of from. The result is Unknown if some could not be asked, and empty otherwise.
func (l *levels) askEvery(ctx context.Context, ask func(istiod.Replica) error) (silent probe.Result) {
	replicas, err := l.from.istiods(ctx)
	silent = probe.Result{Status: probe.Unknown, Hint: l.from.whyNoIstiod(err)}
	if err != nil {
		silent.Summary, silent.Err = "no istiod of "+l.from.ID+" could be asked", err
		if l.from.Hosted {
			silent.Hint = "only the host of the control plane can ask it: rely on the levels that follow"
		}
		return silent
	}
	var quiet []string
	for _, r := range replicas {
		if err := ask(r); err != nil {
			quiet, silent.Err = append(quiet, r.Name), errors.Join(silent.Err, err)
		}
	}
	silent.Summary = strings.Join(quiet, ", ") + " could not be asked"
	if len(quiet) == 0 {
		return probe.Result{}
	}
	return silent
}

// istiodEndpoints looks for endpoints of the service in To, at every istiod of From.
func (l *levels) istiodEndpoints(ctx context.Context) probe.Result {
	var lacking []string
	l.holders, l.at, l.injected = map[string]bool{}, map[string]bool{}, 0
	silent := l.askEvery(ctx, func(r istiod.Replica) error {
		shards, err := r.Shards(ctx)
		if err != nil {
			return err
		}
		n := 0
		for key, endpoints := range shards[l.host()][l.Namespace].Shards {
			id := strings.TrimPrefix(key, "Kubernetes/")
			l.holders[id] = l.holders[id] || len(endpoints) > 0
			if id == l.to.ID {
				n = len(endpoints)
				l.remember(endpoints)
			}
		}
		if n == 0 {
			lacking = append(lacking, r.Name)
		}
		return nil
	})
	l.known = silent.Status == ""
	switch {
	case len(lacking) > 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("%s has no endpoint of it in %s", strings.Join(lacking, ", "), l.to.ID), Hint: l.whyNoEndpoint(ctx),
		}
	case silent.Status != "":
		return silent
	}
	return probe.Result{
		Status:  probe.Passed,
		Summary: fmt.Sprintf("every istiod has endpoints of it in %s: %s, of which %d with mutual TLS", l.to.ID, listed(l.at), l.injected),
	}
}

func (l *levels) remember(endpoints []istiod.ShardEndpoint) {
	l.injected = 0
	for _, e := range endpoints {
		for _, address := range append(e.Addresses, e.Address) {
			if address != "" {
				l.at[address] = true
			}
		}
		if e.TLSMode == "istio" {
			l.injected++
		}
	}
}

// whyNoEndpoint looks whether To itself has any.
func (l *levels) whyNoEndpoint(ctx context.Context) string {
	ready, err := l.to.readyEndpoints(ctx, l.Namespace, l.Service)
	if err == nil && len(ready) == 0 {
		return fmt.Sprintf("Service %s/%s has no ready pod in %s: make one ready there", l.Namespace, l.Service, l.to.ID)
	}
	return "see that the reader may list endpointslices, services and pods; that meshConfig.discoverySelectors take the namespace in both clusters; " +
		"and restart istiod: 1.30.0 to 1.30.3 lose endpoints when a remote secret changes (istio/istio#61043)"
}

// networkGateway looks for the gateway to To's network, at every istiod of From.
func (l *levels) networkGateway(ctx context.Context) probe.Result {
	home, err := l.from.network(ctx)
	if err != nil {
		return probe.Result{Status: probe.Unknown, Summary: "the network of From could not be read", Hint: "let the caller get namespaces", Err: err}
	}
	away, err := l.to.network(ctx)
	if err != nil {
		return probe.Result{Status: probe.Unknown, Summary: "the network of To could not be read", Hint: "let the caller get namespaces", Err: err}
	}
	if home == away || away == "" {
		return l.flat(home, away)
	}
	client := l.clientKind(ctx)
	addresses, unfit := map[string]bool{}, map[string]bool{}
	var lacking []string
	silent := l.askEvery(ctx, func(r istiod.Replica) error {
		gateways, err := r.Gateways(ctx)
		if err != nil {
			return err
		}
		n := 0
		for _, g := range preferred(gateways, away, l.to.ID) {
			if !client.canUse(g) {
				unfit[fmt.Sprintf("%s port %d", g.Addr, max(g.Port, g.HBONEPort))] = true
				continue
			}
			addresses[g.Addr] = true
			n++
		}
		if n == 0 {
			lacking = append(lacking, r.Name)
		}
		return nil
	})
	if home == "" {
		return l.halfSet(away, addresses)
	}
	l.acrossTo = away
	if len(addresses) > 0 {
		l.at, l.told = addresses, true // what proxies see in place of the pods
	}
	switch {
	case len(lacking) > 0 && len(unfit) > 0 && len(addresses) == 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("%s knows no gateway of network %s that %s can use, only %s", strings.Join(lacking, ", "), away, client, listed(unfit)),
			Hint: client.need(),
		}
	case len(lacking) > 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("%s knows no gateway of network %s", strings.Join(lacking, ", "), away), Hint: l.whyNoGateway(ctx, client),
		}
	case silent.Status != "":
		return silent
	}
	return probe.Result{Status: probe.Passed, Summary: fmt.Sprintf("every istiod knows the gateway of network %s: %s", away, listed(addresses))}
}

// flat is the level where no gateway is used: in one network, and where To's has no name, which is half a setting.
func (l *levels) flat(home, away string) probe.Result {
	l.told = l.known
	if home == away {
		return probe.Result{Status: probe.Skipped, Summary: fmt.Sprintf("networks %q and %q: pods are assumed to reach each other directly", home, away)}
	}
	return probe.Result{
		Status: probe.Warned, Summary: fmt.Sprintf("the network of %s is %q, that of %s has no name: clients are sent to pod addresses", l.from.ID, home, l.to.ID),
		Hint: fmt.Sprintf("label namespace %s of %s %s with its network, unless pods reach each other directly", l.to.namespace(), l.to.ID, istio.LabelNetwork),
	}
}

// halfSet is the level where From's network has no name: up to 1.29 istiod sends such clients to pods, later to the gateway
// if it knows one (istio/istio#58613).
func (l *levels) halfSet(away string, gateways map[string]bool) probe.Result {
	l.told = l.known
	for a := range gateways {
		l.at[a] = true
	}
	return probe.Result{
		Status: probe.Warned, Summary: fmt.Sprintf("the network of %s has no name, that of %s is %q: istiods before 1.30 send clients to pod addresses", l.from.ID, l.to.ID, away),
		Hint: fmt.Sprintf("label namespace %s of %s %s with its network, unless pods reach each other directly", l.from.namespace(), l.from.ID, istio.LabelNetwork),
	}
}

// preferred are the gateways of a network that istiod chooses from: those of the cluster, if there are any (Istio
// pilot/pkg/xds/endpoints/ep_filters.go, selectNetworkGateways).
func preferred(all []istiod.NetworkGateway, network, cluster string) []istiod.NetworkGateway {
	var own, others []istiod.NetworkGateway
	for _, g := range all {
		switch {
		case g.Network != network:
		case g.Cluster == cluster:
			own = append(own, g)
		default:
			others = append(others, g)
		}
	}
	if len(own) > 0 {
		return own
	}
	return others
}

// whyNoGateway looks at To's own gateway Services.
func (l *levels) whyNoGateway(ctx context.Context, client clientKind) string {
	services, err := l.to.gatewayServices(ctx)
	for _, s := range services {
		if s.Labels[istio.LabelNetwork] != l.acrossTo {
			continue
		}
		name := fmt.Sprintf("Service %s/%s of %s", s.Namespace, s.Name, l.to.ID)
		_, ofNodes := s.Annotations[istio.NodeSelector]
		if len(s.Spec.ExternalIPs)+len(s.Status.LoadBalancer.Ingress) == 0 && !ofNodes {
			seen, remedy := istio.WithoutAddress(s)
			return printable.Line(name + ": " + seen + ": " + remedy)
		}
		for _, in := range s.Status.LoadBalancer.Ingress {
			if in.IP == "" && in.Hostname != "" {
				return printable.Line(fmt.Sprintf("%s has the name %s, which the istiod of %s must resolve (RESOLVE_HOSTNAME_GATEWAYS): see its log", name, in.Hostname, l.from.ID))
			}
		}
		if ofNodes {
			return printable.Line(name + " is reached through nodes: see that those that annotation " + istio.NodeSelector + " selects have an address of type ExternalIP")
		}
		return printable.Line("see that the ports of " + name + " are what clients need (" + client.need() + "), and restart istiod: 1.30.0 to 1.30.3 lose gateways (istio/istio#60920)")
	}
	if err != nil {
		return "see that the Service of the east-west gateway is labelled " + istio.LabelNetwork + "=" + l.acrossTo
	}
	return fmt.Sprintf("install an east-west gateway in %s and label its Service %s=%s, or the Gateway that deploys it", l.to.ID, istio.LabelNetwork, l.acrossTo)
}
