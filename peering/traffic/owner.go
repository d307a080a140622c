package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/probe"
)

// keepers are the tools that bring an object back to what a repository says, by the labels or annotations with which they
// know it and by the field managers with which they write it. Sources: Argo CD docs/user-guide/resource_tracking and
// common.ArgoCDSSAManager (argocd-application-controller before 2.5); fluxcd/pkg/ssa, kustomize-controller, helm-controller;
// rancher/wrangler pkg/apply (Fleet, and the addons of k3s); Config Sync metadata.ResourceIDKey; Kubernetes
// cluster/addons/addon-manager; Karmada pkg/util (ManagedByKarmadaLabel); KubeVela pkg/oam; Carvel kapp.
var keepers = []struct {
	tool  string
	marks []string // labels or annotations
	value string   // that a mark must have; "" is any
	// managers own any field of the object. Whether they own spec.replicas does not matter: they may be told to any day.
	managers []string
	paused   string // annotation=value with which the tool is told to leave the object alone
}{
	{
		"Argo CD",
		[]string{"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"},
		"",
		[]string{"argocd-controller", "argocd-application-controller"},
		"",
	},
	{
		"Flux",
		[]string{"kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"},
		"",
		[]string{"kustomize-controller"},
		"kustomize.toolkit.fluxcd.io/reconcile=disabled",
	},
	{"Flux", []string{"helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"}, "", []string{"helm-controller"}, ""},
	{"Fleet", []string{"objectset.rio.cattle.io/id", "objectset.rio.cattle.io/owner-gvk"}, "", []string{"fleetagent"}, ""},
	{"Config Sync", []string{"configsync.gke.io/resource-id", "configsync.gke.io/manager"}, "", []string{"configsync"}, ""},
	{"the addon manager", []string{"addonmanager.kubernetes.io/mode"}, "Reconcile", nil, ""},
	{"KEDA", nil, "", []string{"keda", "keda-operator"}, ""},
	{"Karmada", []string{"karmada.io/managed"}, "true", nil, ""},
	{"KubeVela", []string{"app.oam.dev/name", "app.oam.dev/namespace"}, "", []string{"vela-core"}, ""},
	{"kapp", []string{"kapp.k14s.io/app"}, "", []string{"kapp-controller"}, ""},
}

// appliedManifestWork owns what Open Cluster Management brings back, without being its controller
// (open-cluster-management.io/api work/v1).
const appliedManifestWork = "AppliedManifestWork"

const (
	ownManager     = "meshpeer" // the field manager of this module
	labelManagedBy = "app.kubernetes.io/managed-by"
	// labelInstance is set by Helm charts, and by Argo CD as its tracking label before version 3.
	labelInstance = "app.kubernetes.io/instance"
	helmRelease   = "meta.helm.sh/release-name"
)

// judgeOwners fills scale with who would bring the object back, and with what is worth knowing of who writes it.
func judgeOwners(o kube.Object, scale *probe.Scale) {
	for _, ref := range o.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller || ref.Kind == appliedManifestWork {
			scale.Owners = append(scale.Owners, ref.Kind+"/"+ref.Name)
		} else {
			scale.Notes = append(scale.Notes, fmt.Sprintf("it belongs to %s/%s, which does not call itself its controller", ref.Kind, ref.Name))
		}
	}
	fields := o.GetManagedFields()
	kept := map[string]bool{} // field managers that are told of already
	for _, k := range keepers {
		mark := ""
		for _, m := range k.marks {
			if is(o.GetAnnotations()[m], k.value) || is(o.GetLabels()[m], k.value) {
				mark = m
				break
			}
		}
		for _, f := range fields {
			if slices.Contains(k.managers, f.Manager) {
				kept[f.Manager] = true
				if mark == "" {
					mark = "field manager " + f.Manager
				}
			}
		}
		if mark == "" {
			continue
		}
		if name, value, ok := strings.Cut(k.paused, "="); ok && o.GetAnnotations()[name] == value {
			scale.Notes = append(scale.Notes, fmt.Sprintf("%s keeps it, and is told to leave it alone by %s", k.tool, k.paused))
			continue
		}
		scale.Owners = append(scale.Owners, fmt.Sprintf("%s (%s)", k.tool, mark))
	}
	helm := o.GetLabels()[labelManagedBy] == "Helm" || o.GetAnnotations()[helmRelease] != ""
	if helm {
		scale.Notes = append(scale.Notes, "it is of the Helm release "+o.GetAnnotations()[helmRelease]+": an upgrade during the failover would scale it back")
	}
	if o.GetLabels()[labelInstance] != "" && !helm && len(fields) == 0 && len(scale.Owners) == 0 {
		scale.Unseen = append(scale.Unseen, "whether Argo CD keeps it: it has the label "+labelInstance+", and its field managers are not shown")
	}
	for _, f := range fields {
		switch name := f.Manager; {
		case kept[name] || quiet(name) || !ownsReplicas(f):
		case loops(name):
			scale.Owners = append(scale.Owners, "field manager "+name+" (of spec.replicas)")
		case name == "kube-controller-manager": // writes replicas for HorizontalPodAutoscalers, which are read themselves
			scale.Notes = append(scale.Notes, "an autoscaler has scaled it before")
		default:
			scale.Notes = append(scale.Notes, "the field manager "+name+" writes spec.replicas: if it is a program that repeats that, it would scale it back")
		}
		kept[f.Manager] = true
	}
}

func is(value, want string) bool { return value != "" && (want == "" || value == want) }

// quiet are field managers that write when a person tells them to, and this module's own.
func quiet(manager string) bool {
	return manager == ownManager || manager == "helm" || manager == "kubectl" || strings.HasPrefix(manager, "kubectl-")
}

// loops are field managers whose name says that they write again and again.
func loops(manager string) bool {
	return manager != "kube-controller-manager" && (strings.HasSuffix(manager, "controller") || strings.HasSuffix(manager, "operator") ||
		strings.HasSuffix(manager, "controller-manager") || strings.HasSuffix(manager, "reconciler"))
}

// ownsReplicas reports whether an entry of managedFields has spec.replicas, or cannot be read.
func ownsReplicas(f metav1.ManagedFieldsEntry) bool {
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if f.FieldsV1 == nil || json.Unmarshal(f.FieldsV1.GetRawBytes(), &owned) != nil {
		return true
	}
	_, has := owned.Spec["f:replicas"]
	return has
}

// judgeAutoscalers fills scale with the autoscalers of the Deployment. One that cannot be seen may be there.
func (s Scaler) judgeAutoscalers(ctx context.Context, scale *probe.Scale) error {
	for _, kind := range []struct {
		apiVersion, kind string
		optional         string // a cluster need not have it: what follows from that it could not be read
	}{
		{"autoscaling/v2", "HorizontalPodAutoscaler", ""},
		// KEDA makes a HorizontalPodAutoscaler for each ScaledObject.
		{"keda.sh/v1alpha1", "ScaledObject", "the autoscalers that KEDA makes for them could, and none is for it"},
		// Of Container Service for Kubernetes (AliyunContainerService/kubernetes-cronhpa-controller).
		{"autoscaling.alibabacloud.com/v1beta1", "CronHorizontalPodAutoscaler", "one that is for it would scale it at its times"},
	} {
		like := &unstructured.Unstructured{}
		like.SetAPIVersion(kind.apiVersion)
		like.SetKind(kind.kind)
		like.SetNamespace(s.Namespace)
		found, err := kube.ListAs(ctx, s.Side.Objects, like, "")
		switch {
		case err == nil:
		case kind.optional != "" && apierrors.IsNotFound(err):
			continue
		case kind.optional != "" && apierrors.IsForbidden(err) && len(scale.Unseen) == 0:
			// An API server forbids kinds that it does not have, too.
			scale.Notes = append(scale.Notes, kind.kind+"s could not be read; "+kind.optional)
			continue
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
			scale.Unseen = append(scale.Unseen, kind.kind+"s: "+err.Error())
			continue
		default:
			return fmt.Errorf("%ss: %w", kind.kind, err)
		}
		for _, o := range found {
			targetKind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
			target, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
			if target == s.Deployment && (targetKind == "Deployment" || targetKind == "") {
				scale.Autoscalers = append(scale.Autoscalers, kind.kind+"/"+o.GetName())
			}
		}
	}
	return nil
}

// judgeBudgets notes the PodDisruptionBudgets of the Deployment's pods. They guard against evictions; scaling down is none.
func (s Scaler) judgeBudgets(ctx context.Context, live *unstructured.Unstructured, scale *probe.Scale) {
	like := &policyv1.PodDisruptionBudget{
		TypeMeta: metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, ObjectMeta: meta(s.Namespace, ""),
	}
	found, err := kube.ListAs(ctx, s.Side.Objects, like, "")
	if err != nil {
		scale.Notes = append(scale.Notes, "PodDisruptionBudgets could not be read; none would hold a scale-down back")
		return
	}
	pods, _, _ := unstructured.NestedStringMap(live.Object, "spec", "template", "metadata", "labels")
	for _, b := range found {
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(pods)) {
			continue
		}
		wants := "a minimum of its pods"
		switch {
		case b.Spec.MinAvailable != nil:
			wants = "minAvailable " + b.Spec.MinAvailable.String()
		case b.Spec.MaxUnavailable != nil:
			wants = "maxUnavailable " + b.Spec.MaxUnavailable.String()
		}
		scale.Notes = append(scale.Notes, fmt.Sprintf("PodDisruptionBudget/%s asks for %s: it guards against evictions and does not hold a scale-down back",
			b.Name, wants))
	}
}
