package traffic

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

const (
	sidecar          = "istio-proxy"
	defaultContainer = "kubectl.kubernetes.io/default-container"
)

// runningPod is the pod of a Deployment that commands are run in: one that runs, by the Deployment's selector, a Ready one
// first, as `kubectl exec deployment/X` chooses. The same pods give the same choice.
func (s Side) runningPod(ctx context.Context, namespace, deployment string) (*corev1.Pod, error) {
	like := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: meta(namespace, deployment),
	}
	found, err := kube.GetAs(ctx, s.Objects, like)
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(found.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("selector of Deployment %s/%s: %w", namespace, deployment, err)
	}
	pods, err := kube.ListAs(ctx, s.Objects, &corev1.Pod{ObjectMeta: meta(namespace, "")}, selector.String())
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return p.Status.Phase != corev1.PodRunning })
	if len(pods) == 0 {
		return nil, fmt.Errorf("%w: Deployment %s/%s of %q has no running pod", istiod.ErrNotReady, namespace, deployment, s.ID)
	}
	return slices.MinFunc(pods, better), nil
}

// better orders pods: Ready, staying, long ready, seldom restarted, old, and by name.
func better(a, b *corev1.Pod) int {
	aReady, aSince := readySince(a)
	bReady, bSince := readySince(b)
	return cmp.Or(
		first(aReady, bReady),
		first(a.DeletionTimestamp == nil, b.DeletionTimestamp == nil),
		aSince.Compare(bSince),
		cmp.Compare(restarts(a), restarts(b)),
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Name, b.Name),
	)
}

// first puts what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func readySince(p *corev1.Pod) (bool, time.Time) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return true, c.LastTransitionTime.Time
		}
	}
	return false, time.Time{}
}

func restarts(p *corev1.Pod) (n int32) {
	for _, s := range p.Status.ContainerStatuses {
		n = max(n, s.RestartCount)
	}
	return n
}

// sidecarOf looks among the containers, and among those that start before them: native sidecars are the default from Istio
// 1.27. Nil if there is none.
func sidecarOf(p *corev1.Pod) *corev1.Container {
	for _, all := range [][]corev1.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range all {
			if all[i].Name == sidecar {
				return &all[i]
			}
		}
	}
	return nil
}

// appContainer is the one that kubectl takes, or else the first that is not the sidecar, which may stand first
// (holdApplicationUntilProxyStarts) and whose requests go past itself.
func appContainer(p *corev1.Pod) (string, error) {
	named := p.Annotations[defaultContainer]
	for _, c := range p.Spec.Containers {
		if c.Name == named || named == "" && c.Name != sidecar {
			return c.Name, nil
		}
	}
	return "", fmt.Errorf("pod %s/%s has no app container: annotation %s is %q", p.Namespace, p.Name, defaultContainer, named)
}
