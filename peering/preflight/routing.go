package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// rulesFor are the DestinationRules that the client may come under for the service: of its own namespace, of the service's
// and of the root namespace, if exported to it (Istio pilot/pkg/model/push_context.go, destinationRule). Istiod takes
// those of the first of these namespaces; all are looked at, since deleting one puts the next into effect.
func (f *facts) rulesFor(ctx context.Context) ([]*networkingv1.DestinationRule, error) {
	all, err := f.destinationRules(ctx)
	if err != nil {
		return nil, err
	}
	w, client := f.Workload, f.clientLabels(ctx)
	near := []string{w.ClientNamespace, w.Namespace, f.root(ctx, f.from)}
	var found []*networkingv1.DestinationRule
	for _, r := range all {
		selector := r.Spec.GetWorkloadSelector().GetMatchLabels()
		if slices.Contains(near, r.Namespace) && covers(w.fqdn(r.Spec.Host, r.Namespace), w.host()) &&
			exported(r.Spec.ExportTo, r.Namespace, w.ClientNamespace) && (len(selector) == 0 || within(selector, client)) {
			found = append(found, r)
		}
	}
	return found, nil
}

// clientLabels are those of the client's Pods; none if it cannot be read.
func (f *facts) clientLabels(ctx context.Context) map[string]string {
	if d, err := f.clientDeployment(ctx); err == nil {
		return d.Spec.Template.Labels
	}
	return nil
}

// destinationRuleTLS: any TLS mode but ISTIO_MUTUAL makes istiod leave out the endpoints behind the gateway
// (Istio pilot/pkg/xds/endpoints/mtls_checker.go).
func destinationRuleTLS(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(ctx, f.from)
	rules, err := f.rulesFor(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	var found []verdict
	for _, r := range rules {
		policies := map[string]*networkingapi.TrafficPolicy{"trafficPolicy": r.Spec.TrafficPolicy}
		for _, s := range r.Spec.Subsets {
			policies["subset "+s.Name] = s.TrafficPolicy
		}
		for _, where := range sortedKeys(policies) {
			for _, mode := range f.otherModes(policies[where]) {
				found = append(found, fail(mesh.object(r), "set ISTIO_MUTUAL or remove tls", "%s sets TLS mode %s", where, mode))
			}
		}
	}
	return or(found, pass(mesh.name, "none of %d DestinationRules for the service changes its TLS mode", len(rules)))
}

// otherModes are the TLS modes of a policy that are not ISTIO_MUTUAL.
func (f *facts) otherModes(p *networkingapi.TrafficPolicy) []string {
	var found []string
	add := func(tls *networkingapi.ClientTLSSettings, where string) {
		if tls != nil && tls.Mode != networkingapi.ClientTLSSettings_ISTIO_MUTUAL {
			found = append(found, tls.Mode.String()+where)
		}
	}
	add(p.GetTls(), "")
	for _, port := range p.GetPortLevelSettings() {
		if n := port.GetPort().GetNumber(); f.Workload.Port == 0 || n == uint32(f.Workload.Port) {
			add(port.Tls, fmt.Sprintf(" for port %d", n))
		}
	}
	return found
}

// virtualServicePinning: a route to a subset of one cluster keeps traffic there, whatever is peered.
func virtualServicePinning(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(ctx, f.from)
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

// locality explains why answers may all be local: that is a setting and not a fault, but answers will not be spread evenly.
func locality(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(ctx, f.from)
	rules, err := f.rulesFor(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	svc, err := f.service(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	const remedy = "expect the local side to answer as long as it can"
	meshWide := true // Istio mesh/v1alpha1 localityLbSetting.enabled is true by default
	if m, err := f.from.mesh(ctx); err == nil && m.GetLocalityLbSetting().GetEnabled() != nil {
		meshWide = m.GetLocalityLbSetting().GetEnabled().GetValue()
	}
	var found []verdict
	for _, r := range rules {
		policy := r.Spec.GetTrafficPolicy()
		setting, on := policy.GetLoadBalancer().GetLocalityLbSetting(), meshWide
		if setting != nil {
			on = setting.GetEnabled() == nil || setting.GetEnabled().GetValue()
		}
		if on && policy.GetOutlierDetection() != nil {
			found = append(found, fail(mesh.object(r), remedy, "it has outlier detection, which turns locality load balancing on"))
		}
	}
	distribution := value(svc.Spec.TrafficDistribution)
	if annotation := svc.Annotations["networking.istio.io/traffic-distribution"]; annotation != "" {
		distribution = annotation
	}
	if distribution != "" && !strings.EqualFold(distribution, "Any") {
		found = append(found, fail(f.from.object(svc), remedy, "its traffic distribution is %s", distribution))
	}
	return or(found, pass(f.from.name, "nothing prefers the local side"))
}
