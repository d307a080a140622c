// Package rollout restarts istiods, as `kubectl rollout restart` and `kubectl rollout status` do.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/peering"
)

// annotation is kubectl's, on the Pod template (kubectl pkg/polymorphichelpers/objectrestarter.go).
const annotation = "kubectl.kubernetes.io/restartedAt"

// Restart restarts the Deployments of a namespace that a label selector matches, and waits until each has been rolled out. The
// caller needs list, get and update on deployments.
func Restart(ctx context.Context, c *peering.Cluster, namespace, selector string) error {
	all, err := c.Objects.List(ctx, deployment(namespace, ""), selector)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no Deployment labelled %s in namespace %s of %s: restart what runs its istiods by hand", selector, namespace, c.ID)
	}
	at := time.Now().UTC().Format(time.RFC3339)
	for _, d := range all {
		if err := touch(ctx, c, namespace, d.GetName(), at); err != nil {
			return err
		}
	}
	for _, d := range all {
		if err := await(ctx, c, namespace, d.GetName()); err != nil {
			return err
		}
	}
	return nil
}

// deployment has no Go type: fields that this program does not know must survive the update.
func deployment(namespace, name string) *unstructured.Unstructured {
	d := &unstructured.Unstructured{}
	d.SetAPIVersion("apps/v1")
	d.SetKind("Deployment")
	d.SetNamespace(namespace)
	d.SetName(name)
	return d
}

func get(ctx context.Context, c *peering.Cluster, namespace, name string) (*unstructured.Unstructured, error) {
	o, err := c.Objects.Get(ctx, deployment(namespace, name))
	if err != nil {
		return nil, err
	}
	d, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("restart of Deployment %s/%s of %s: it was read as %T", namespace, name, c.ID, o)
	}
	return d, nil
}

// tries are for somebody else who changes the object at the same time.
const tries = 5

func touch(ctx context.Context, c *peering.Cluster, namespace, name, at string) error {
	var conflict error
	for range tries {
		d, err := get(ctx, c, namespace, name)
		if err != nil {
			return err
		}
		if err := unstructured.SetNestedField(d.Object, at, "spec", "template", "metadata", "annotations", annotation); err != nil {
			return fmt.Errorf("restart of Deployment %s/%s of %s: %w", namespace, name, c.ID, err)
		}
		if _, err = c.Objects.Update(ctx, d); !apierrors.IsConflict(err) {
			return err
		}
		conflict = err
	}
	return conflict
}

// pause is between two looks at a rollout.
const pause = time.Second

func await(ctx context.Context, c *peering.Cluster, namespace, name string) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		d, err := get(ctx, c, namespace, name)
		if err != nil {
			return err
		}
		left := unfinished(d.Object)
		if left == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("restart of Deployment %s/%s of %s: %s", namespace, name, c.ID, left))
		}
	}
}

// unfinished is why a rollout is not over; "" if it is (kubectl pkg/polymorphichelpers/rollout_status.go).
func unfinished(d map[string]any) string {
	number := func(zero int64, path ...string) int64 {
		if n, found, err := unstructured.NestedInt64(d, path...); found && err == nil {
			return n
		}
		return zero
	}
	want := number(1, "spec", "replicas")
	switch {
	case number(0, "status", "observedGeneration") < number(0, "metadata", "generation"):
		return "it has not begun"
	case number(0, "status", "updatedReplicas") < want:
		return fmt.Sprintf("%d of %d new replicas are there", number(0, "status", "updatedReplicas"), want)
	case number(0, "status", "replicas") > number(0, "status", "updatedReplicas"):
		return "old replicas are still there"
	case number(0, "status", "availableReplicas") < number(0, "status", "updatedReplicas"):
		return fmt.Sprintf("%d of %d new replicas are available", number(0, "status", "availableReplicas"), want)
	}
	return ""
}
