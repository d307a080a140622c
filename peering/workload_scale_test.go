package peering_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
)

// httpbin is a member with that Deployment, of two replicas, and its scale.
func httpbin() (*peeringtest.Member, probe.Scaler) {
	_, east, _, _ := pair()
	east.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 2})
	return east, east.Scaler("default", "httpbin", "")
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
	s := east.Scaler("default", "httpbin", "")
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
	for want, prepare := range map[string]func(t *testing.T, east *peeringtest.Member, d peering.Object){
		"HorizontalPodAutoscaler/h": func(t *testing.T, east *peeringtest.Member, _ peering.Object) {
			must(t, east, autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "h"))
			other := autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "of-another")
			require.NoError(t, unstructured.SetNestedField(other.Object, "sleep", "spec", "scaleTargetRef", "name"))
			must(t, east, other)
		},
		"ScaledObject/k": func(t *testing.T, east *peeringtest.Member, _ peering.Object) {
			must(t, east, autoscaler("keda.sh/v1alpha1", "ScaledObject", "k"))
		},
		"Rollout/r": func(_ *testing.T, _ *peeringtest.Member, d peering.Object) {
			d.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Rollout", Name: "r", Controller: &yes}, {Kind: "App", Name: "a"}})
		},
		"Argo CD (argocd.argoproj.io/tracking-id)": func(_ *testing.T, _ *peeringtest.Member, d peering.Object) {
			d.SetAnnotations(map[string]string{"argocd.argoproj.io/tracking-id": "x"})
		},
		"Flux (kustomize.toolkit.fluxcd.io/name)": func(_ *testing.T, _ *peeringtest.Member, d peering.Object) {
			d.SetLabels(map[string]string{"kustomize.toolkit.fluxcd.io/name": "x"})
		},
	} {
		t.Run(want, func(t *testing.T) {
			east, s := httpbin()
			d, err := east.Get(t.Context(), deployment("httpbin"))
			require.NoError(t, err)
			prepare(t, east, d)
			_, err = east.Update(t.Context(), d)
			require.NoError(t, err)
			scale, err := s.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{want}, append(scale.Autoscalers, scale.Owners...))
		})
	}
}

// TestScalerAnswersErrors: an autoscaler that may be there is none that is not.
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
		{"HorizontalPodAutoscalers", "list", "HorizontalPodAutoscaler", forbidden, forbidden},
		{"no KEDA", "list", "ScaledObject", apierrors.NewNotFound(resource, ""), nil},
		{"KEDA hidden", "list", "ScaledObject", forbidden, nil},
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
			require.ErrorContains(t, err, "peering: ")
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
				got, err := east.Scaler("default", "httpbin", "web").Ready(t.Context())
				require.NoError(t, err)
				require.Equal(t, tt.want, got, ref)
			}
		})
	}
}
