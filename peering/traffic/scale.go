package traffic

import (
	"cmp"
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
