package preflight

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// network is the one that From's istiod gives to the endpoints of a side whose Pods are not labelled themselves: the label of
// the namespace that is called as its own system namespace, else that of meshNetworks for the cluster (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
func (f *facts) network(ctx context.Context, s *server) (string, error) {
	system, err := get(ctx, s, kindNamespace, "", f.from.Namespace)
	if err != nil && !(absent(err) && s != f.from) {
		return "", err
	}
	if err == nil && system.Labels[labelNetwork] != "" {
		return system.Labels[labelNetwork], nil
	}
	m, err := f.meshIfAny(ctx)
	if err != nil {
		return "", err
	}
	for _, network := range sortedKeys(m.networks.GetNetworks()) {
		if registers(m.networks.GetNetworks()[network], s.ID) {
			return network, nil
		}
	}
	return "", nil
}

// networks compares the networks of both sides, and of each with what its proxies say.
func networks(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := f.network(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.network(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var found []verdict
	for i, s := range []*server{f.from, f.to} {
		labelled := []string{from, to}[i]
		said, err := f.said(ctx, s, "ISTIO_META_NETWORK") // proxies may be of several networks
		if err != nil {
			found = append(found, unread(s.name, err))
		}
		for _, network := range said {
			if network.value != labelled {
				found = append(found, fail(s.name, "give chart value global.network and the label of the namespace the same value",
					"proxies are in network %q, namespace %s is in network %q", network.value, f.from.Namespace, labelled))
			}
		}
	}
	remedy := "label namespace " + f.from.Namespace + " of each with " + labelNetwork + ", unless Pods reach each other directly"
	switch {
	case from == "" && to == "":
		found = append(found, fail(subject, remedy, "no network is set: istiod treats both as one flat network and sends Pod addresses"))
	case to == "":
		found = append(found, fail(f.to.name, remedy, "its network is not set: its Pod addresses are sent to clients in network %s", from))
	case from == "":
		found = append(found, fail(f.from.name, remedy, "its network is not set: before Istio 1.30 its clients get Pod addresses of network %s instead of the gateway", to))
	case len(found) > 0:
	case from == to:
		return one(pass(subject, "both are in network %s: Pods reach each other directly", from))
	}
	return or(found, pass(subject, "networks %s and %s are joined by gateways", from, to))
}

// oneNetwork skips the gateway where none is needed or none would be used.
func oneNetwork(ctx context.Context, f *facts) *verdict {
	from, fromErr := f.network(ctx, f.from)
	to, toErr := f.network(ctx, f.to)
	var v verdict
	switch {
	case toErr != nil:
		v = unread(f.to.name, toErr)
	case to == "" && f.Flavour != Upstream:
		v = unknown(f.to.name, "see the mesh's network settings: ASM may keep them outside the cluster", "namespace %s names no network", f.from.Namespace)
	case to == "":
		v = skip(f.to.name, "the network is not set, so that no gateway is used")
	case fromErr == nil && from == to:
		v = skip(f.to.name, "both clusters are in network %s", strings.TrimSpace(to))
	default:
		return nil
	}
	return &v
}

// hostNames leaves out what is an IP address.
func hostNames(addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { _, err := netip.ParseAddr(a); return err == nil })
}
