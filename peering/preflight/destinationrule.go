package preflight

import (
	"context"
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// rulesFor are the DestinationRules that the client may come under for the service: of its own namespace, of the service's
// and of the root namespace, if exported to it (Istio pilot/pkg/model/push_context.go, destinationRule). Istiod takes
// those of the first of these namespaces; all are looked at, so that none lies in wait behind another.
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
	mesh := f.meshOf(f.from)
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
