package preflight

import (
	"context"
	"strings"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

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
	return one(pass(f.from.name, "%s may be answered by other clusters", host))
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
