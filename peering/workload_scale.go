package peering

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/probe"
)

// Scaler is the scale of a Deployment, for [probe.Failover] and [probe.Recover]. Service "" has the name of the Deployment.
//
// Its errors are those of the API server. It needs get and update on deployments and list on endpointslices. It also lists
// horizontalpodautoscalers: where the caller may not, [probe.Scale.Unseen] says so and a failover refuses.
// ScaledObjects of KEDA, CronHorizontalPodAutoscalers of Alibaba Cloud and PodDisruptionBudgets are read where the caller
// may: KEDA makes a HorizontalPodAutoscaler for each ScaledObject (KEDA documentation, concepts/scaling-deployments).
//
// [probe.Scale.Owners] are controllers by owner reference, and Argo CD, Flux, Fleet, Config Sync, the addon manager, KEDA,
// Karmada, Open Cluster Management, KubeVela and kapp by owner reference, label, annotation or field manager. A Helm release is a note: Helm acts when somebody calls it.
func (c *Cluster) Scaler(namespace, deployment, service string) probe.Scaler {
	if service == "" {
		service = deployment
	}
	return deploymentScale{c, namespace, deployment, service}
}

type deploymentScale struct {
	*Cluster
	namespace, name, service string
}

func (d deploymentScale) String() string {
	return "Deployment " + d.namespace + "/" + d.name + " of " + d.ID.String()
}

// Read implements [probe.Scaler].
func (d deploymentScale) Read(ctx context.Context) (probe.Scale, error) {
	live, err := d.get(ctx)
	if err != nil {
		return probe.Scale{}, err
	}
	replicas, found, err := unstructured.NestedInt64(live.Object, "spec", "replicas")
	if err != nil {
		return probe.Scale{}, fmt.Errorf("peering: %s: %w", d, err)
	}
	if !found {
		replicas = 1 // the API's default
	}
	scale := probe.Scale{
		Replicas: int(replicas), ResourceVersion: live.GetResourceVersion(), Record: live.GetAnnotations()[probe.RecordAnnotation],
	}
	if err := d.judgeAutoscalers(ctx, &scale); err != nil {
		return probe.Scale{}, fmt.Errorf("peering: autoscalers of %s: %w", d, err)
	}
	judgeOwners(live, &scale)
	d.judgeBudgets(ctx, live, &scale)
	return scale, nil
}

// Write implements [probe.Scaler]: replicas and record in one update.
func (d deploymentScale) Write(ctx context.Context, s probe.Scale) error {
	live, err := d.get(ctx)
	if err != nil {
		return err
	}
	if live.GetResourceVersion() != s.ResourceVersion {
		return fmt.Errorf("peering: %s: %w", d, probe.ErrConflict)
	}
	if err := unstructured.SetNestedField(live.Object, int64(s.Replicas), "spec", "replicas"); err != nil {
		return fmt.Errorf("peering: %s: %w", d, err)
	}
	annotations := live.GetAnnotations()
	if s.Record == "" {
		delete(annotations, probe.RecordAnnotation)
	} else {
		annotations = overlay(annotations, map[string]string{probe.RecordAnnotation: s.Record})
	}
	live.SetAnnotations(annotations)
	switch _, err := d.Objects.Update(ctx, live); {
	case apierrors.IsConflict(err):
		return fmt.Errorf("peering: %s: %w: %w", d, probe.ErrConflict, err)
	case err != nil:
		return fmt.Errorf("peering: %s: %w", d, err)
	}
	return nil
}

// get reads the Deployment without a Go type: fields that this module does not know must survive the update.
func (d deploymentScale) get(ctx context.Context) (*unstructured.Unstructured, error) {
	like := &unstructured.Unstructured{}
	like.SetAPIVersion("apps/v1")
	like.SetKind("Deployment")
	like.SetNamespace(d.namespace)
	like.SetName(d.name)
	live, err := d.Objects.Get(ctx, like)
	if err != nil {
		return nil, fmt.Errorf("peering: %s: %w", d, err)
	}
	found, ok := live.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("peering: %s: Cluster.Objects gave %T for an unstructured object: see peeringtest.TestObjects", d, live)
	}
	return found, nil
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
