package preflight

import "strings"

// host is the name under which Istio knows the service.
func (w *Workload) host() string {
	return w.Service + "." + w.Namespace + ".svc." + w.DomainSuffix
}

// fqdn resolves a short host in a namespace, as Istio does for a name without a dot (Istio pilot/pkg/model/config.go,
// ResolveShortnameToFQDN).
func (w *Workload) fqdn(host, namespace string) string {
	if host == "*" || strings.Contains(host, ".") {
		return host
	}
	return host + "." + namespace + ".svc." + w.DomainSuffix
}

// covers says whether a host, which may begin with a star, is or includes name.
func covers(host, name string) bool {
	if suffix, wild := strings.CutPrefix(host, "*"); wild {
		return strings.HasSuffix(name, suffix)
	}
	return host == name
}

// exported says whether exportTo lets namespace see a thing of its owner's namespace. Empty means everywhere.
func exported(exportTo []string, owner, namespace string) bool {
	if len(exportTo) == 0 {
		return true
	}
	for _, to := range exportTo {
		if to == "*" || to == namespace || to == "." && owner == namespace {
			return true
		}
	}
	return false
}
