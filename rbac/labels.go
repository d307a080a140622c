package rbac

import (
	"maps"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// identifying are the labels that say what the objects are; callers may not
// change them where they are rendered.
var identifying = []string{"app", "app.kubernetes.io/name"}

// profileLabels are the labels a profile puts on its objects. Those of the
// charts are rendered for a Helm release named istiod, without the chart's
// version (app.kubernetes.io/version, helm.sh/chart): Istio
// manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml
// and, since 1.24, the template istio.labels.
func profileLabels(profile Profile, minor int) map[string]string {
	labels := map[string]string{"app": "istio-reader"}
	if profile != Upstream && profile != RemoteControlPlane {
		return labels
	}
	labels["release"] = "istiod"
	if minor >= 24 {
		labels["app.kubernetes.io/name"] = "istio-reader"
		labels["app.kubernetes.io/instance"] = "istiod"
		labels["app.kubernetes.io/managed-by"] = "Helm"
		labels["app.kubernetes.io/part-of"] = "istio"
	}
	return labels
}

// mergeLabels puts the caller's labels over the profile's own.
func mergeLabels(own, caller map[string]string) (map[string]string, error) {
	for _, key := range identifying {
		if value, given := caller[key]; given && own[key] != "" && own[key] != value {
			return nil, invalid.Field("Options.Labels["+key+"]", value, "identifies the reader and stays "+own[key], "use another key")
		}
	}
	merged := maps.Clone(own)
	maps.Copy(merged, caller)
	return merged, nil
}
