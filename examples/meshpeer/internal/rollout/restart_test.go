package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/rollout"
	"github.com/meshpeer/meshpeer/peering"
)

// deployments are those of one namespace, and their controller: a look at a restarted one moves it on.
type deployments struct {
	peering.Objects
	all       []*unstructured.Unstructured
	conflicts int
	stuck     bool
	selector  string
}

func istiod(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "generation": int64(1)},
		"spec":   map[string]any{"replicas": int64(2), "other": "kept", "template": map[string]any{}},
		"status": map[string]any{"observedGeneration": int64(1), "replicas": int64(2), "updatedReplicas": int64(2), "availableReplicas": int64(2)},
	}}
}

func (d *deployments) List(_ context.Context, _ peering.Object, selector string) (all []peering.Object, _ error) {
	d.selector = selector
	for _, one := range d.all {
		all = append(all, one)
	}
	return all, nil
}

func (d *deployments) Get(_ context.Context, like peering.Object) (peering.Object, error) {
	for _, one := range d.all {
		if one.GetName() != like.GetName() {
			continue
		}
		status := one.Object["status"].(map[string]any)
		switch {
		case d.stuck:
		case status["observedGeneration"] != one.GetGeneration():
			one.Object["status"] = map[string]any{"observedGeneration": one.GetGeneration(), "replicas": int64(3), "updatedReplicas": int64(1), "availableReplicas": int64(0)}
		case status["updatedReplicas"] == int64(1):
			status["updatedReplicas"] = int64(2)
		case status["replicas"] == int64(3):
			status["replicas"] = int64(2)
		case status["availableReplicas"] == int64(0):
			status["availableReplicas"] = int64(2)
		}
		return one.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "deployments"}, like.GetName())
}

func (d *deployments) Update(_ context.Context, o peering.Object) (peering.Object, error) {
	if d.conflicts > 0 {
		d.conflicts--
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, o.GetName(), nil)
	}
	for i, one := range d.all {
		if one.GetName() == o.GetName() {
			d.all[i] = o.(*unstructured.Unstructured).DeepCopy()
			d.all[i].SetGeneration(one.GetGeneration() + 1)
		}
	}
	return o, nil
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deployments{all: []*unstructured.Unstructured{istiod("istiod"), istiod("istiod-canary")}, conflicts: 2}
		c := &peering.Cluster{ID: peering.MustID("east"), Objects: d}
		began := time.Now()
		require.NoError(t, rollout.Restart(t.Context(), c, "istio-system", "app=istiod"))
		require.Equal(t, "app=istiod", d.selector)
		require.GreaterOrEqual(t, time.Since(began), 4*time.Second, "it was waited for")
		for _, one := range d.all {
			at, found, err := unstructured.NestedString(one.Object, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
			require.True(t, found && err == nil)
			require.NotEmpty(t, at)
			require.Equal(t, "kept", one.Object["spec"].(map[string]any)["other"])
		}
	})
}

func TestRestartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &peering.Cluster{ID: peering.MustID("east"), Objects: &deployments{}}
		require.ErrorContains(t, rollout.Restart(t.Context(), c, "istio-system", "app=istiod"), "by hand")

		c.Objects = &deployments{all: []*unstructured.Unstructured{istiod("istiod")}, conflicts: 9}
		require.True(t, apierrors.IsConflict(rollout.Restart(t.Context(), c, "istio-system", "app=istiod")))

		c.Objects = &deployments{all: []*unstructured.Unstructured{istiod("istiod")}, stuck: true}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := rollout.Restart(ctx, c, "istio-system", "app=istiod")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "restart of Deployment istio-system/istiod of east: it has not begun")
	})
}
