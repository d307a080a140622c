package traffic_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// httpbin is a member with that Deployment, of two replicas, and its scale.
func httpbin() (*peeringtest.Member, probe.Scaler) {
	_, east, _, _ := pair()
	east.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 2})
	return east, traffic.Scaler{Side: east.Side(), Namespace: "default", Deployment: "httpbin"}
}

func autoscaler(apiVersion, kind, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"namespace": "default", "name": name},
		"spec": map[string]any{"scaleTargetRef": map[string]any{"kind": "Deployment", "name": "httpbin"}},
	}}
}

func TestScalerReadsAndWrites(t *testing.T) {
	east, s := httpbin()
	scale, err := s.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, scale.Replicas)
	require.NotEmpty(t, scale.ResourceVersion)
	require.Empty(t, scale.Record)
	require.Empty(t, scale.Autoscalers)
	require.Empty(t, scale.Owners)
	ready, err := s.Ready(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, ready)

	require.NoError(t, s.Write(t.Context(), probe.Scale{ResourceVersion: scale.ResourceVersion, Record: "two"}))
	require.Equal(t, 1, writes(east), "one write for both")
	zero, err := s.Read(t.Context())
	require.NoError(t, err)
	require.Zero(t, zero.Replicas)
	require.Equal(t, "two", zero.Record)
	ready, err = s.Ready(t.Context())
	require.NoError(t, err)
	require.Zero(t, ready)

	require.ErrorIs(t, s.Write(t.Context(), scale), probe.ErrConflict, "it was changed since")
	require.Equal(t, 1, writes(east))
	zero.Replicas, zero.Record = 2, ""
	require.NoError(t, s.Write(t.Context(), zero))
	d, err := east.Get(t.Context(), deployment("httpbin"))
	require.NoError(t, err)
	require.NotContains(t, d.GetAnnotations(), probe.RecordAnnotation)
}

// TestScalerKeepsWhatItDoesNotKnow: an API server may be newer than this module.
func TestScalerKeepsWhatItDoesNotKnow(t *testing.T) {
	_, east, _, _ := pair()
	stored := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": "default", "name": "httpbin"},
		"spec": map[string]any{"newerThanUs": "kept"},
	}}
	must(t, east, stored)
	s := traffic.Scaler{Side: east.Side(), Namespace: "default", Deployment: "httpbin"}
	scale, err := s.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, scale.Replicas, "the API's default")
	require.NoError(t, s.Write(t.Context(), probe.Scale{Replicas: 3, ResourceVersion: scale.ResourceVersion}))
	live, err := east.Get(t.Context(), stored)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"newerThanUs": "kept", "replicas": int64(3)}, live.(*unstructured.Unstructured).Object["spec"])
}

func TestScalerNamesWhoWouldFight(t *testing.T) {
	yes := true
	labels := func(key, value string) func(peering.Object) {
		return func(d peering.Object) { d.SetLabels(map[string]string{key: value}) }
	}
	annotations := func(pairs ...string) func(peering.Object) {
		return func(d peering.Object) {
			all := map[string]string{}
			for i := 0; i+1 < len(pairs); i += 2 {
				all[pairs[i]] = pairs[i+1]
			}
			d.SetAnnotations(all)
		}
	}
	const replicas, image = `{"f:spec":{"f:replicas":{}}}`, `{"f:spec":{"f:template":{}}}`
	managers := func(pairs ...string) func(peering.Object) {
		return func(d peering.Object) {
			var all []metav1.ManagedFieldsEntry
			for i := 0; i+1 < len(pairs); i += 2 {
				all = append(all, metav1.ManagedFieldsEntry{
					Manager: pairs[i], Operation: "Update", APIVersion: "apps/v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(pairs[i+1]),
				})
			}
			d.SetManagedFields(all)
		}
	}
	both := func(changes ...func(peering.Object)) func(peering.Object) {
		return func(d peering.Object) {
			for _, change := range changes {
				change(d)
			}
		}
	}
	for name, tt := range map[string]struct {
		prepare              func(peering.Object)
		owner, unseen, notes string
	}{
		"nobody": {func(peering.Object) {}, "", "", ""},
		"a controller": {func(d peering.Object) {
			d.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Rollout", Name: "r", Controller: &yes}})
		}, "Rollout/r", "", ""},
		"an owner that controls nothing": {func(d peering.Object) { d.SetOwnerReferences([]metav1.OwnerReference{{Kind: "App", Name: "a"}}) }, "", "", "App/a"},
		"Argo CD's annotation":           {annotations("argocd.argoproj.io/tracking-id", "x"), "Argo CD (argocd.argoproj.io/tracking-id)", "", ""},
		"Argo CD's own label":            {labels("argocd.argoproj.io/instance", "x"), "Argo CD (argocd.argoproj.io/instance)", "", ""},
		"Argo CD's label and manager":    {both(labels("app.kubernetes.io/instance", "x"), managers("argocd-controller", image)), "Argo CD (field manager argocd-controller)", "", ""},
		"an older Argo CD":               {both(labels("app.kubernetes.io/instance", "x"), managers("argocd-application-controller", replicas)), "Argo CD (field manager argocd-application-controller)", "", ""},
		"perhaps Argo CD's label":        {labels("app.kubernetes.io/instance", "x"), "", "app.kubernetes.io/instance", ""},
		"a label that others set":        {both(labels("app.kubernetes.io/instance", "x"), managers("kubectl-client-side-apply", replicas)), "", "", ""},
		"Flux's label":                   {labels("kustomize.toolkit.fluxcd.io/name", "x"), "Flux (kustomize.toolkit.fluxcd.io/name)", "", ""},
		"Flux's other label":             {labels("kustomize.toolkit.fluxcd.io/namespace", "x"), "Flux (kustomize.toolkit.fluxcd.io/namespace)", "", ""},
		"Flux's Helm label":              {labels("helm.toolkit.fluxcd.io/name", "x"), "Flux (helm.toolkit.fluxcd.io/name)", "", ""},
		"Flux's manager":                 {managers("kustomize-controller", image), "Flux (field manager kustomize-controller)", "", ""},
		"Flux's Helm manager":            {managers("helm-controller", replicas), "Flux (field manager helm-controller)", "", ""},
		"Flux told to leave it": {
			both(labels("kustomize.toolkit.fluxcd.io/name", "x"), annotations("kustomize.toolkit.fluxcd.io/reconcile", "disabled")),
			"", "", "told to leave it alone",
		},
		"Fleet":              {annotations("objectset.rio.cattle.io/id", "x"), "Fleet (objectset.rio.cattle.io/id)", "", ""},
		"Config Sync":        {annotations("configsync.gke.io/resource-id", "x"), "Config Sync (configsync.gke.io/resource-id)", "", ""},
		"addon manager":      {labels("addonmanager.kubernetes.io/mode", "Reconcile"), "the addon manager (addonmanager.kubernetes.io/mode)", "", ""},
		"addon, once":        {labels("addonmanager.kubernetes.io/mode", "EnsureExists"), "", "", ""},
		"Karmada":            {labels("karmada.io/managed", "true"), "Karmada (karmada.io/managed)", "", ""},
		"not Karmada":        {labels("karmada.io/managed", "false"), "", "", ""},
		"KubeVela":           {labels("app.oam.dev/name", "x"), "KubeVela (app.oam.dev/name)", "", ""},
		"KubeVela's manager": {managers("vela-core", image), "KubeVela (field manager vela-core)", "", ""},
		"kapp":               {labels("kapp.k14s.io/app", "1638455805474051000"), "kapp (kapp.k14s.io/app)", "", ""},
		"Open Cluster Management": {func(d peering.Object) {
			d.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "work.open-cluster-management.io/v1", Kind: "AppliedManifestWork", Name: "w"}})
		}, "AppliedManifestWork/w", "", ""},
		"KEDA":                          {managers("keda-operator", replicas), "KEDA (field manager keda-operator)", "", ""},
		"a Helm release":                {both(labels("app.kubernetes.io/managed-by", "Helm"), annotations("meta.helm.sh/release-name", "web")), "", "", "Helm release web"},
		"Helm by annotation":            {annotations("meta.helm.sh/release-name", "web"), "", "", "Helm release web"},
		"somebody's operator":           {managers("web-operator", replicas), "field manager web-operator (of spec.replicas)", "", ""},
		"a controller of another field": {managers("vpa-controller", image), "", "", ""},
		"an autoscaler of before":       {managers("kube-controller-manager", replicas), "", "", "an autoscaler has scaled it before"},
		"an unknown program":            {managers("terraform", replicas), "", "", "field manager terraform writes spec.replicas"},
		"people and ourselves":          {managers("kubectl", replicas, "kubectl-edit", replicas, "helm", replicas, "meshpeer", replicas), "", "", ""},
		"fields that cannot be read":    {managers("web-operator", "[]"), "field manager web-operator (of spec.replicas)", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			east, s := httpbin()
			d, err := east.Get(t.Context(), deployment("httpbin"))
			require.NoError(t, err)
			tt.prepare(d)
			_, err = east.Update(t.Context(), d)
			require.NoError(t, err)
			scale, err := s.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.owner, strings.Join(scale.Owners, ", "))
			require.Equal(t, tt.unseen == "", len(scale.Unseen) == 0, scale.Unseen)
			require.Contains(t, strings.Join(scale.Unseen, ", "), tt.unseen)
			require.Equal(t, tt.notes == "", len(scale.Notes) == 0, scale.Notes)
			require.Contains(t, strings.Join(scale.Notes, ", "), tt.notes)
			require.Empty(t, scale.Autoscalers)
		})
	}
}

func TestScalerSeesAutoscalersAndBudgets(t *testing.T) {
	east, s := httpbin()
	must(t, east, autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "h"))
	must(t, east, autoscaler("keda.sh/v1alpha1", "ScaledObject", "k"))
	must(t, east, autoscaler("autoscaling.alibabacloud.com/v1beta1", "CronHorizontalPodAutoscaler", "c"))
	ofAnother := autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "of-another")
	require.NoError(t, unstructured.SetNestedField(ofAnother.Object, "sleep", "spec", "scaleTargetRef", "name"))
	must(t, east, ofAnother)
	ofAnotherKind := autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "of-another-kind")
	require.NoError(t, unstructured.SetNestedField(ofAnotherKind.Object, "StatefulSet", "spec", "scaleTargetRef", "kind"))
	must(t, east, ofAnotherKind)
	one := intstr.FromInt32(1)
	for name, app := range map[string]string{"ours": "httpbin", "theirs": "sleep"} {
		must(t, east, &policyv1.PodDisruptionBudget{
			TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}},
		})
	}
	scale, err := s.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"HorizontalPodAutoscaler/h", "ScaledObject/k", "CronHorizontalPodAutoscaler/c"}, scale.Autoscalers)
	require.Equal(t, []string{"PodDisruptionBudget/ours asks for minAvailable 1: it guards against evictions and does not hold a scale-down back"}, scale.Notes)
}

// TestScalerAnswersErrors: what cannot be read is an error, but for who may fight, which is then unseen.
func TestScalerAnswersErrors(t *testing.T) {
	resource := schema.GroupResource{Resource: "things"}
	forbidden := apierrors.NewForbidden(resource, "", errors.New("no"))
	for _, tt := range []struct {
		name string
		verb string
		kind string
		err  error
		want error
	}{
		{"Deployment", "get", "Deployment", forbidden, forbidden},
		{"HorizontalPodAutoscalers broken", "list", "HorizontalPodAutoscaler", errors.ErrUnsupported, errors.ErrUnsupported},
		{"HorizontalPodAutoscalers hidden", "list", "HorizontalPodAutoscaler", forbidden, nil},
		{"PodDisruptionBudgets hidden", "list", "PodDisruptionBudget", forbidden, nil},
		{"no KEDA", "list", "ScaledObject", apierrors.NewNotFound(resource, ""), nil},
		{"KEDA hidden", "list", "ScaledObject", forbidden, nil},
		{"no CronHPA", "list", "CronHorizontalPodAutoscaler", apierrors.NewNotFound(resource, ""), nil},
		{"CronHPA hidden", "list", "CronHorizontalPodAutoscaler", forbidden, nil},
		{"CronHPA broken", "list", "CronHorizontalPodAutoscaler", errors.ErrUnsupported, errors.ErrUnsupported},
		{"KEDA broken", "list", "ScaledObject", errors.ErrUnsupported, errors.ErrUnsupported},
		{"conflict", "update", "Deployment", apierrors.NewConflict(resource, "", errors.New("late")), probe.ErrConflict},
		{"update", "update", "Deployment", forbidden, forbidden},
		{"EndpointSlices", "list", "EndpointSlice", forbidden, forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			east, s := httpbin()
			east.Before = func(c peeringtest.Call) error {
				if c.Verb == tt.verb && c.Kind == tt.kind {
					return tt.err
				}
				return nil
			}
			scale, err := s.Read(t.Context())
			if err == nil {
				err = s.Write(t.Context(), scale)
			}
			if err == nil {
				_, err = s.Ready(t.Context())
			}
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, "traffic: ")
		})
	}
}

// TestFailoverRefusesWhatItCannotSee unless the caller knows better.
func TestFailoverRefusesWhatItCannotSee(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "autoscaling", Resource: "horizontalpodautoscalers"}, "", errors.New("no"))
	for _, hidden := range []map[string]bool{
		{"HorizontalPodAutoscaler": true},
		{"HorizontalPodAutoscaler": true, "ScaledObject": true},
		{"ScaledObject": true},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, east, _, link := town(t, true)
			east.Before = func(c peeringtest.Call) error {
				if c.Verb == "list" && hidden[c.Kind] {
					return forbidden
				}
				return nil
			}
			f := traffic.Workload{}.Failover(link.Sides())
			check, err := f.Check(t.Context())
			if !hidden["HorizontalPodAutoscaler"] {
				require.NoError(t, err, "each ScaledObject has a HorizontalPodAutoscaler, and those were read")
				require.Contains(t, strings.Join(check.Warnings, ", "), "ScaledObjects could not be read")
				return
			}
			var refused *probe.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Reason, "HorizontalPodAutoscalers")
			require.Contains(t, refused.Reason, "forbidden")
			f.AllowUnseen = true
			check, err = f.Check(t.Context())
			require.NoError(t, err)
			require.Len(t, check.Warnings, len(hidden))
		})
	}
}

// TestReadyCountsWhatProxiesUse: once each, and with those that end and still serve.
func TestReadyCountsWhatProxiesUse(t *testing.T) {
	yes, no := true, false
	for name, tt := range map[string]struct {
		conditions discoveryv1.EndpointConditions
		want       int
	}{
		"ready":         {discoveryv1.EndpointConditions{Ready: &yes}, 1},
		"not told":      {discoveryv1.EndpointConditions{}, 1},
		"not ready":     {discoveryv1.EndpointConditions{Ready: &no}, 0},
		"ending":        {discoveryv1.EndpointConditions{Ready: &no, Serving: &yes, Terminating: &yes}, 1},
		"ending, done":  {discoveryv1.EndpointConditions{Ready: &no, Serving: &no, Terminating: &yes}, 0},
		"only starting": {discoveryv1.EndpointConditions{Ready: &no, Serving: &yes}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for ref, reference := range map[string]*corev1.ObjectReference{"pod": {Kind: "Pod", Name: "a"}, "address": nil} {
				_, east, _, _ := pair()
				for _, slice := range []string{"one", "again"} {
					must(t, east, &discoveryv1.EndpointSlice{
						TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
						ObjectMeta: metav1.ObjectMeta{
							Namespace: "default", Name: slice, Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
						},
						Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: tt.conditions, TargetRef: reference}},
					})
				}
				got, err := traffic.Scaler{Side: east.Side(), Namespace: "default", Deployment: "httpbin", Service: "web"}.Ready(t.Context())
				require.NoError(t, err)
				require.Equal(t, tt.want, got, ref)
			}
		})
	}
}
