package peering

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// gitOps are the marks by which tools know objects that they bring back to what a repository says: annotations or labels.
var gitOps = []struct{ tool, mark string }{
	{"Argo CD", "argocd.argoproj.io/tracking-id"},
	{"Argo CD", "argocd.argoproj.io/instance"},
	{"Flux", "kustomize.toolkit.fluxcd.io/name"},
	{"Flux", "helm.toolkit.fluxcd.io/name"},
	{"Fleet", "objectset.rio.cattle.io/id"},
	{"Config Sync", "configsync.gke.io/resource-id"},
}

// owners are those who would bring an object back: its controller, and GitOps tools that marked it.
func owners(o Object) []string {
	var all []string
	for _, ref := range o.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			all = append(all, ref.Kind+"/"+ref.Name)
		}
	}
	for _, g := range gitOps {
		if o.GetAnnotations()[g.mark] != "" || o.GetLabels()[g.mark] != "" {
			all = append(all, g.tool+" ("+g.mark+")")
		}
	}
	return all
}

// autoscalers of a Deployment.
func (d deploymentScale) autoscalers(ctx context.Context) ([]string, error) {
	var all []string
	for _, kind := range []struct {
		apiVersion, kind string
		optional         bool // a cluster need not have it
	}{{"autoscaling/v2", "HorizontalPodAutoscaler", false}, {"keda.sh/v1alpha1", "ScaledObject", true}} {
		like := &unstructured.Unstructured{}
		like.SetAPIVersion(kind.apiVersion)
		like.SetKind(kind.kind)
		like.SetNamespace(d.namespace)
		found, err := list(ctx, d.Objects, like, "")
		if kind.optional && (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, o := range found {
			targetKind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
			target, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
			if target == d.name && (targetKind == "Deployment" || targetKind == "") {
				all = append(all, kind.kind+"/"+o.GetName())
			}
		}
	}
	return all, nil
}
