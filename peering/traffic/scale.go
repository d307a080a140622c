package traffic

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/probe"
)

// Scaler is the scale of a Deployment, for [probe.Failover] and [probe.Recover]: a [probe.Scaler].
//
// Its errors are those of the API server. It needs get and update on deployments and list on endpointslices. It also lists
// horizontalpodautoscalers: where the caller may not, [probe.Scale.Unseen] says so and a failover refuses.
// ScaledObjects of KEDA, CronHorizontalPodAutoscalers of Alibaba Cloud and PodDisruptionBudgets are read where the caller
// may: KEDA makes a HorizontalPodAutoscaler for each ScaledObject (KEDA documentation, concepts/scaling-deployments).
//
// [probe.Scale.Owners] are controllers by owner reference, and Argo CD, Flux, Fleet, Config Sync, the addon manager, KEDA,
// Karmada, Open Cluster Management, KubeVela and kapp by owner reference, label, annotation or field manager. A Helm release
// is a note: Helm acts when somebody calls it.
type Scaler struct {
	Side                  Side
	Namespace, Deployment string
	Service               string // whose endpoints are counted; "" has the name of the Deployment
}

func (s Scaler) service() string { return cmp.Or(s.Service, s.Deployment) }

// String names the Deployment and its cluster.
func (s Scaler) String() string {
	return "Deployment " + s.Namespace + "/" + s.Deployment + " of " + s.Side.ID
}

// Read implements [probe.Scaler].
func (s Scaler) Read(ctx context.Context) (probe.Scale, error) {
	live, err := s.get(ctx)
	if err != nil {
		return probe.Scale{}, err
	}
	replicas, found, err := unstructured.NestedInt64(live.Object, "spec", "replicas")
	if err != nil {
		return probe.Scale{}, fmt.Errorf("traffic: %s: %w", s, err)
	}
	if !found {
		replicas = 1 // the API's default
	}
	scale := probe.Scale{
		Replicas: int(replicas), ResourceVersion: live.GetResourceVersion(), Record: live.GetAnnotations()[probe.RecordAnnotation],
	}
	if err := s.judgeAutoscalers(ctx, &scale); err != nil {
		return probe.Scale{}, fmt.Errorf("traffic: autoscalers of %s: %w", s, err)
	}
	judgeOwners(live, &scale)
	s.judgeBudgets(ctx, live, &scale)
	return scale, nil
}

// Write implements [probe.Scaler]: replicas and record in one update.
func (s Scaler) Write(ctx context.Context, to probe.Scale) error {
	live, err := s.get(ctx)
	if err != nil {
		return err
	}
	if live.GetResourceVersion() != to.ResourceVersion {
		return fmt.Errorf("traffic: %s: %w", s, probe.ErrConflict)
	}
	if err := unstructured.SetNestedField(live.Object, int64(to.Replicas), "spec", "replicas"); err != nil {
		return fmt.Errorf("traffic: %s: %w", s, err)
	}
	annotations := live.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	if to.Record == "" {
		delete(annotations, probe.RecordAnnotation)
	} else {
		annotations[probe.RecordAnnotation] = to.Record
	}
	live.SetAnnotations(annotations)
	switch _, err := s.Side.Objects.Update(ctx, live); {
	case apierrors.IsConflict(err):
		return fmt.Errorf("traffic: %s: %w: %w", s, probe.ErrConflict, err)
	case err != nil:
		return fmt.Errorf("traffic: %s: %w", s, err)
	}
	return nil
}

// get reads the Deployment without a Go type: fields that this module does not know must survive the update.
func (s Scaler) get(ctx context.Context) (*unstructured.Unstructured, error) {
	like := &unstructured.Unstructured{}
	like.SetAPIVersion("apps/v1")
	like.SetKind("Deployment")
	like.SetNamespace(s.Namespace)
	like.SetName(s.Deployment)
	live, err := kube.GetAs(ctx, s.Side.Objects, like)
	if err != nil {
		return nil, fmt.Errorf("traffic: %s: %w", s, err)
	}
	return live, nil
}

// tlsMode is the label by which istiod knows pods that take mutual TLS; injection sets it (Istio pkg/model/proxy.go).
const tlsMode = "security.istio.io/tlsMode"

// Ready implements [probe.Scaler]: it counts the endpoints of the Service that proxies may use.
func (s Scaler) Ready(ctx context.Context) (int, error) {
	pods, err := s.Side.readyEndpoints(ctx, s.Namespace, s.service())
	if err != nil {
		return 0, fmt.Errorf("traffic: %w", err)
	}
	return len(pods), nil
}

// readyInjected counts those of a Service that take mutual TLS as well: across networks the others are left out.
func (s Side) readyInjected(ctx context.Context, namespace, service string) (int, error) {
	ready, err := s.readyEndpoints(ctx, namespace, service)
	if err != nil {
		return 0, fmt.Errorf("traffic: %w", err)
	}
	pods, err := kube.ListAs(ctx, s.Objects, &corev1.Pod{ObjectMeta: meta(namespace, "")}, tlsMode+"=istio")
	if err != nil {
		return 0, fmt.Errorf("traffic: pods of %s of %q: %w", namespace, s.ID, err)
	}
	n := 0
	for _, p := range pods {
		if ready["Pod/"+p.Name] {
			n++
		}
	}
	return n, nil
}

// readyEndpoints are the endpoints of a Service by kind and name, or by address where they are not objects. A pod may stand
// in several slices, one for each IP family.
func (s Side) readyEndpoints(ctx context.Context, namespace, service string) (map[string]bool, error) {
	like := &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: meta(namespace, ""),
	}
	found, err := kube.ListAs(ctx, s.Objects, like, discoveryv1.LabelServiceName+"="+service)
	if err != nil {
		return nil, fmt.Errorf("endpoints of %s/%s of %q: %w", namespace, service, s.ID, err)
	}
	ready := map[string]bool{}
	for _, slice := range found {
		for _, e := range slice.Endpoints {
			if !usable(e.Conditions) {
				continue
			}
			if e.TargetRef != nil {
				ready[e.TargetRef.Kind+"/"+e.TargetRef.Name] = true
				continue
			}
			for _, address := range e.Addresses {
				ready[address] = true
			}
		}
	}
	return ready, nil
}

// usable says whether proxies may send there: what is ready, by default, and what ends but still serves
// (Kubernetes KEP-1672).
func usable(c discoveryv1.EndpointConditions) bool {
	is := func(b *bool) bool { return b != nil && *b }
	return c.Ready == nil || *c.Ready || is(c.Serving) && is(c.Terminating)
}
