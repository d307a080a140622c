package apply

import (
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// Owns says whether o carries all of the labels, which are those of what the caller makes. Without labels nothing is owned.
func Owns(o kube.Object, labels map[string]string) bool {
	have := o.GetLabels()
	for key, value := range labels {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return len(labels) > 0
}

// Owner guesses who made an object, for a message: a Helm release, Argo CD, Flux, a link of meshpeer, a managed-by label, or
// the first field manager. It is "unknown" where nothing tells.
func Owner(o kube.Object) string {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	for _, source := range []struct {
		from map[string]string
		key  string
	}{
		{annotations, "meta.helm.sh/release-name"},
		{annotations, "argocd.argoproj.io/tracking-id"},
		{labels, "argocd.argoproj.io/instance"},
		{labels, "kustomize.toolkit.fluxcd.io/name"},
		{labels, "helm.toolkit.fluxcd.io/name"},
		{labels, "meshpeer.io/from"},
		{labels, "app.kubernetes.io/managed-by"},
	} {
		if value := source.from[source.key]; value != "" {
			return printable.Line(source.key + "=" + value)
		}
	}
	for _, entry := range o.GetManagedFields() {
		if entry.Manager != "" {
			return printable.Line("field manager " + entry.Manager)
		}
	}
	return "unknown"
}

// Name is o as messages print it: "Kind/namespace/name", or "Kind/name" without a namespace.
func Name(o kube.Object) string {
	if o.GetNamespace() == "" {
		return printable.Line(kube.Kind(o) + "/" + o.GetName())
	}
	return printable.Line(kube.Kind(o) + "/" + o.GetNamespace() + "/" + o.GetName())
}
