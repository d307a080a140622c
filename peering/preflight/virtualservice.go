package preflight

import (
	"context"
	"slices"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// virtualServicePinning: a route to a subset of one cluster keeps traffic there, whatever is peered.
func virtualServicePinning(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(f.from)
	services, err := f.virtualServices(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	rules, err := f.rulesFor(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	pinned := map[string]string{} // subset to cluster
	for _, r := range rules {
		for _, s := range r.Spec.Subsets {
			if cluster := s.Labels["topology.istio.io/cluster"]; cluster != "" {
				pinned[s.Name] = cluster
			}
		}
	}
	var found []verdict
	for _, v := range services {
		if !f.routes(v) {
			continue
		}
		for _, subset := range f.subsets(v) {
			if cluster := pinned[subset]; cluster != "" {
				found = append(found, fail(mesh.object(v), "route to the service without that subset", "subset %s keeps calls in cluster %s", subset, cluster))
			}
		}
	}
	return or(found, pass(mesh.name, "no VirtualService keeps calls in one cluster"))
}

// routes says whether the VirtualService applies to calls of the client to the service.
func (f *facts) routes(v *networkingv1.VirtualService) bool {
	w := f.Workload
	if g := v.Spec.Gateways; len(g) > 0 && !slices.Contains(g, "mesh") || !exported(v.Spec.ExportTo, v.Namespace, w.ClientNamespace) {
		return false
	}
	return slices.ContainsFunc(v.Spec.Hosts, func(h string) bool { return covers(w.fqdn(h, v.Namespace), w.host()) })
}

// subsets of the service that its routes name, each once.
func (f *facts) subsets(v *networkingv1.VirtualService) []string {
	var found []string
	type destined interface {
		GetHost() string
		GetSubset() string
	}
	add := func(d destined) {
		if s := d.GetSubset(); s != "" && covers(f.Workload.fqdn(d.GetHost(), v.Namespace), f.Workload.host()) && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for _, h := range v.Spec.Http {
		for _, r := range h.Route {
			add(r.GetDestination())
		}
	}
	for _, t := range v.Spec.Tls {
		for _, r := range t.Route {
			add(r.GetDestination())
		}
	}
	for _, t := range v.Spec.Tcp {
		for _, r := range t.Route {
			add(r.GetDestination())
		}
	}
	return found
}
