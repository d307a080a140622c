//go:build linux

package node

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// insist repeats a call until it works, its object is gone or changed hands, or ctx ends: an API server may be down for a
// while.
func insist(ctx context.Context, call func(context.Context) error) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := call(ctx)
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (a *Agent) bind(ctx context.Context, spec *corev1.Pod) {
	_ = insist(ctx, func(ctx context.Context) error {
		return a.config.Core.Post().Namespace(spec.Namespace).Resource("pods").Name(spec.Name).SubResource("binding").
			Body(&corev1.Binding{
				ObjectMeta: metav1.ObjectMeta{Name: spec.Name, Namespace: spec.Namespace, UID: spec.UID},
				Target:     corev1.ObjectReference{Kind: "Node", Name: a.config.Node},
			}).Do(ctx).Error()
	})
}

// remove takes a Pod out of the API once its processes have ended, as a kubelet does.
func (a *Agent) remove(ctx context.Context, spec *corev1.Pod) {
	_ = insist(ctx, func(ctx context.Context) error {
		return a.config.Core.Delete().Namespace(spec.Namespace).Resource("pods").Name(spec.Name).Body(&metav1.DeleteOptions{
			GracePeriodSeconds: new(int64), Preconditions: &metav1.Preconditions{UID: &spec.UID},
		}).Do(ctx).Error()
	})
}

func (a *Agent) putStatus(ctx context.Context, spec *corev1.Pod, status corev1.PodStatus) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": spec.UID}, "status": status})
	if err != nil {
		return err
	}
	return insist(ctx, func(ctx context.Context) error {
		return a.config.Core.Patch(types.MergePatchType).Namespace(spec.Namespace).Resource("pods").Name(spec.Name).
			SubResource("status").Body(patch).Do(ctx).Error()
	})
}

// grace is how long a deleted Pod's processes may take to end.
func grace(spec *corev1.Pod) time.Duration {
	if s := spec.DeletionGracePeriodSeconds; s != nil {
		return time.Duration(*s) * time.Second
	}
	return 30 * time.Second
}
