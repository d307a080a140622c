package peering

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/probe"
)

// askEvery asks each istiod of From. The result is Unknown if one or all of them could not be asked, and else empty.
func (t *traffic) askEvery(ask func(Replica) error) (silent probe.Result) {
	silent = probe.Result{Status: probe.Unknown, Hint: "let the caller list pods and create pods/portforward in istiod's namespace, or fill Cluster.Istiods"}
	if t.from.noIstiod != nil {
		silent.Summary, silent.Err = "no istiod of "+t.From.ID.String()+" could be asked", t.from.noIstiod
		if t.From.Hosted {
			silent.Hint = "only the host of the control plane can ask it: go by the levels that follow"
		}
		return silent
	}
	var quiet []string
	for _, r := range t.from.replicas {
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
func (t *traffic) istiodEndpoints(ctx context.Context) probe.Result {
	var lacking []string
	t.holders, t.at, t.injected = map[string]bool{}, map[string]bool{}, 0
	silent := t.askEvery(func(r Replica) error {
		shards, err := r.shards(ctx)
		if err != nil {
			return err
		}
		t.known = true
		n := 0
		for key, endpoints := range shards[t.host()][t.Namespace].Shards {
			id := strings.TrimPrefix(key, "Kubernetes/")
			t.holders[id] = t.holders[id] || len(endpoints) > 0
			if id == t.To.ID.String() {
				n = len(endpoints)
				t.remember(endpoints)
			}
		}
		if n == 0 {
			lacking = append(lacking, r.Name)
		}
		return nil
	})
	switch {
	case len(lacking) > 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("%s has no endpoint of it in %s", strings.Join(lacking, ", "), t.To.ID), Hint: t.whyNoEndpoint(ctx),
		}
	case silent.Status != "":
		return silent
	}
	return probe.Result{
		Status:  probe.Passed,
		Summary: fmt.Sprintf("every istiod has endpoints of it in %s: %s, of which %d with mutual TLS", t.To.ID, listed(t.at), t.injected),
	}
}

func (t *traffic) remember(endpoints []shardEndpoint) {
	t.injected = 0
	for _, e := range endpoints {
		for _, address := range append(e.Addresses, e.Address) {
			if address != "" {
				t.at[address] = true
			}
		}
		if e.TLSMode == "istio" {
			t.injected++
		}
	}
}

// whyNoEndpoint looks whether To itself has any.
func (t *traffic) whyNoEndpoint(ctx context.Context) string {
	ready, err := t.To.readyEndpoints(ctx, t.Namespace, t.Service)
	if err == nil && len(ready) == 0 {
		return fmt.Sprintf("Service %s/%s has no ready pod in %s: make one ready there", t.Namespace, t.Service, t.To.ID)
	}
	return "see that the reader may list endpointslices, services and pods; that meshConfig.discoverySelectors take the namespace in both clusters; " +
		"and restart istiod: 1.30.0 to 1.30.3 lose endpoints when a remote secret changes (istio/istio#61043)"
}

// networkGateway looks for the gateway to To's network, at every istiod of From.
func (t *traffic) networkGateway(ctx context.Context) probe.Result {
	home, err := t.From.network(ctx)
	if err != nil {
		return probe.Result{Status: probe.Unknown, Summary: "the network of From could not be read", Hint: "let the caller get namespaces", Err: err}
	}
	away, err := t.To.network(ctx)
	if err != nil {
		return probe.Result{Status: probe.Unknown, Summary: "the network of To could not be read", Hint: "let the caller get namespaces", Err: err}
	}
	if oneNetwork(home, away) {
		t.told = t.known
		return probe.Result{Status: probe.Skipped, Summary: fmt.Sprintf("networks %q and %q: pods are taken to reach each other directly", home, away)}
	}
	t.acrossTo = away
	addresses := map[string]bool{}
	var lacking []string
	silent := t.askEvery(func(r Replica) error {
		gateways, err := r.gateways(ctx)
		if err != nil {
			return err
		}
		n := 0
		for _, g := range gateways {
			if g.Network == away {
				addresses[g.Addr] = true
				n++
			}
		}
		if n == 0 {
			lacking = append(lacking, r.Name)
		}
		return nil
	})
	if len(addresses) > 0 {
		t.at, t.told = addresses, true // what proxies see in place of the pods
	}
	switch {
	case len(lacking) > 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("%s knows no gateway of network %s", strings.Join(lacking, ", "), away), Hint: t.whyNoGateway(ctx),
		}
	case silent.Status != "":
		return silent
	}
	return probe.Result{Status: probe.Passed, Summary: fmt.Sprintf("every istiod knows the gateway of network %s: %s", away, listed(addresses))}
}

// whyNoGateway looks at To's own gateway Services.
func (t *traffic) whyNoGateway(ctx context.Context) string {
	services, err := t.To.gatewayServices(ctx)
	for _, s := range services {
		switch {
		case s.Labels[labelNetwork] != t.acrossTo:
		case len(s.Spec.ExternalIPs)+len(s.Status.LoadBalancer.Ingress) == 0:
			return fmt.Sprintf("Service %s/%s of %s has no external address yet: see to its load balancer", s.Namespace, s.Name, t.To.ID)
		default:
			return "see that the gateway's Service lists port 15443, and restart istiod: 1.30.0 to 1.30.3 lose gateways (istio/istio#60920)"
		}
	}
	if err != nil {
		return "see that the Service of the east-west gateway is labelled " + labelNetwork + "=" + t.acrossTo
	}
	return fmt.Sprintf("install an east-west gateway in %s and label its Service %s=%s", t.To.ID, labelNetwork, t.acrossTo)
}
