package preflight

import (
	"context"
	"slices"
	"strings"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/probe"
)

// serviceExported: an annotation, or the mesh's default, may hide the Service from the client's namespace
// (Istio pilot/pkg/serviceregistry/kube/conversion.go).
func serviceExported(ctx context.Context, f *facts) []verdict {
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		svc, err := f.service(ctx, s)
		if err != nil {
			found = append(found, unread(s.name, err))
			continue
		}
		var to []string
		if m, err := f.from.mesh(ctx); err == nil {
			to = m.GetDefaultServiceExportTo()
		}
		if a := svc.Annotations["networking.istio.io/exportTo"]; a != "" {
			to = strings.FieldsFunc(a, func(r rune) bool { return r == ',' || r == ' ' })
		}
		v := pass(s.object(svc), "it is exported to namespace %s", f.Workload.ClientNamespace)
		if !exported(to, svc.Namespace, f.Workload.ClientNamespace) {
			v = fail(s.object(svc), "export it to that namespace too", "it is exported to %q only, not to namespace %s", to, f.Workload.ClientNamespace)
		}
		found = append(found, v)
	}
	return found
}

// namespaceDiscovered: From's istiod drops whole namespaces by its discoverySelectors, in To as well
// (Istio pkg/kube/namespace/filter.go).
func namespaceDiscovered(ctx context.Context, f *facts) []verdict {
	m, err := f.from.mesh(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(m.GetDiscoverySelectors()) == 0 {
		return one(pass(f.from.name, "its istiod discovers every namespace"))
	}
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		ns, err := f.appNamespace(ctx, s)
		if err != nil {
			found = append(found, unread(s.name, err))
			continue
		}
		v := fail(s.object(ns), "label the namespace so that a discovery selector matches", "no discovery selector of %s matches it", f.from.name)
		if discovered(m, ns.Labels) {
			v = pass(s.object(ns), "a discovery selector of %s matches it", f.from.name)
		}
		found = append(found, v)
	}
	return found
}

// discovered says whether istiod looks at a namespace with these labels.
func discovered(m *mesh, have map[string]string) bool {
	for _, d := range m.GetDiscoverySelectors() {
		if selects(selectorFrom(d), have) {
			return true
		}
	}
	return len(m.GetDiscoverySelectors()) == 0
}

// selectorFrom is the mesh configuration's selector in Kubernetes' words.
func selectorFrom(s *meshv1alpha1.LabelSelector) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: s.GetMatchLabels()}
	for _, e := range s.GetMatchExpressions() {
		selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: e.GetKey(), Operator: metav1.LabelSelectorOperator(e.GetOperator()), Values: e.GetValues(),
		})
	}
	return selector
}

// sidecarEgress: the Sidecar of the client may leave the service out (Istio pilot/pkg/model/sidecar.go).
func sidecarEgress(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(ctx, f.from)
	all, err := f.sidecars(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	if _, err := f.clientDeployment(ctx); err != nil && absent(err) && slices.ContainsFunc(all, f.selectsClients) {
		return one(unread(f.from.name, &earlierError{"client-ready", err}))
	}
	s := f.sidecarOf(ctx, all)
	if s == nil || len(s.Spec.Egress) == 0 {
		return one(pass(mesh.name, "no Sidecar limits what the client sees"))
	}
	w := f.Workload
	var hosts []string
	for _, e := range s.Spec.Egress {
		for _, h := range e.Hosts {
			in, name, _ := strings.Cut(h, "/")
			if (in == "*" || in == w.Namespace || in == "." && w.ClientNamespace == w.Namespace) && covers(name, w.host()) {
				return one(pass(mesh.object(s), "egress host %s covers the service", h))
			}
			hosts = append(hosts, h)
		}
	}
	return one(fail(mesh.object(s), "add "+w.Namespace+"/"+w.host()+" to its egress hosts", "its egress hosts %q do not cover %s", hosts, w.host()))
}

// selectsClients says whether a Sidecar applies to some workloads of the client's namespace.
func (f *facts) selectsClients(s *networkingv1.Sidecar) bool {
	return s.Namespace == f.Workload.ClientNamespace && len(s.Spec.GetWorkloadSelector().GetLabels()) > 0
}

// sidecarOf is the one that applies to the client: by selector, else of its namespace, else of the root namespace.
func (f *facts) sidecarOf(ctx context.Context, all []*networkingv1.Sidecar) *networkingv1.Sidecar {
	labels, root := f.clientLabels(ctx), f.root(ctx, f.from)
	pick := func(match func(*networkingv1.Sidecar) bool) *networkingv1.Sidecar {
		if i := slices.IndexFunc(all, match); i >= 0 {
			return all[i]
		}
		return nil
	}
	plain := func(s *networkingv1.Sidecar) bool { return len(s.Spec.GetWorkloadSelector().GetLabels()) == 0 }
	if s := pick(func(s *networkingv1.Sidecar) bool {
		return s.Namespace == f.Workload.ClientNamespace && !plain(s) && within(s.Spec.WorkloadSelector.Labels, labels)
	}); s != nil {
		return s
	}
	for _, namespace := range []string{f.Workload.ClientNamespace, root} {
		if s := pick(func(s *networkingv1.Sidecar) bool { return s.Namespace == namespace && plain(s) }); s != nil {
			return s
		}
	}
	return nil
}

// clusterLocal: hosts that the mesh configuration keeps within the cluster are never reached elsewhere
// (Istio pilot/pkg/model/cluster_local.go).
func clusterLocal(ctx context.Context, f *facts) []verdict {
	host := f.Workload.host()
	system := f.Workload.Namespace == "kube-system"
	if system || host == "kubernetes.default.svc."+f.Workload.DomainSuffix {
		// the mesh configuration may overrule it, so it is read all the same
		system = true
	}
	m, err := f.from.mesh(ctx)
	if err != nil {
		if system {
			return one(fail(f.from.name, "choose another service, or set clusterLocal to false for it", "%s is kept in its cluster by default", host))
		}
		return one(unread(f.from.name, err))
	}
	local, by := system, "by default"
	if set, rule := keptLocal(m.GetServiceSettings(), host); rule != "" {
		local, by = set, "by serviceSettings host "+rule
	}
	if local {
		return one(fail(f.from.object(m.object), "remove it from serviceSettings with clusterLocal", "%s is kept in its cluster %s", host, by))
	}
	if _, err := f.clientNamespace(ctx); err != nil { // which says what kind the client is
		return one(unread(f.from.name, err))
	}
	if slices.Equal(f.clientKinds(ctx), []clientKind{ambientClient}) {
		return f.sharedInAmbient(ctx, m)
	}
	return one(pass(f.from.name, "%s may be answered by other clusters", host))
}

// sharedInAmbient: of other clusters istiod gives ambient clients only what serviceScopeConfigs makes GLOBAL, if it looks at
// other clusters for them at all (Istio pilot/pkg/serviceregistry/ambient/services.go, matchServiceScope).
func (f *facts) sharedInAmbient(ctx context.Context, m *mesh) []verdict {
	const multiNetwork = "AMBIENT_ENABLE_MULTI_NETWORK"
	for _, v := range f.istiodSetting(ctx, multiNetwork, func(value string) bool { return value != "true" },
		"set "+multiNetwork+"=true", "with %s=%q it gives ambient clients no service of another cluster") {
		if v.status != probe.Passed {
			return one(v)
		}
	}
	svc, err := f.service(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	ns, err := f.appNamespace(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	for _, c := range m.GetServiceScopeConfigs() {
		if c.GetScope() == meshv1alpha1.MeshConfig_ServiceScopeConfigs_GLOBAL && inScope(c.GetNamespaceSelector(), ns.Labels) && inScope(c.GetServicesSelector(), svc.Labels) {
			return one(pass(f.to.object(svc), "it is of scope GLOBAL for ambient clients of %s", f.from.name))
		}
	}
	return one(fail(f.to.object(svc), "label it istio.io/global=true, and see that serviceScopeConfigs of "+f.from.name+" makes that GLOBAL",
		"no entry of serviceScopeConfigs of %s makes it GLOBAL: ambient clients reach it in its own cluster only", f.from.name))
}

// inScope: no selector selects everything.
func inScope(s *meshv1alpha1.LabelSelector, have map[string]string) bool {
	return s == nil || selects(selectorFrom(s), have)
}

// keptLocal is what the most specific host that covers the service says, and that host: "" if none covers it.
func keptLocal(settings []*meshv1alpha1.MeshConfig_ServiceSettings, host string) (local bool, rule string) {
	for _, s := range settings {
		for _, h := range s.GetHosts() {
			if covers(h, host) && (rule == "" || moreSpecific(h, rule)) {
				local, rule = s.GetSettings().GetClusterLocal(), h
			}
		}
	}
	return local, rule
}

// moreSpecific: a plain host before one with a star, then the longer one.
func moreSpecific(a, b string) bool {
	if wild := strings.HasPrefix(b, "*"); strings.HasPrefix(a, "*") != wild {
		return wild
	}
	return len(a) > len(b)
}
