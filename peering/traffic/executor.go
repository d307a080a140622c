package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// Executor runs commands in a running pod of a Deployment, as `kubectl exec deployment/X` chooses it: by the Deployment's
// selector, a Ready pod first; each command chooses again. It is a [probe.Executor].
type Executor struct {
	Side                  Side
	Namespace, Deployment string
	// Container "" is the app's, by the annotation kubectl.kubernetes.io/default-container. For [probe.PilotAgent] name
	// istio-proxy.
	Container string
}

// Exec runs a command. The error is istiod.ErrNotReady if no pod runs or Side.Exec is nil, and the API server's if the
// Deployment cannot be read.
func (e Executor) Exec(ctx context.Context, command probe.Command) (probe.Output, error) {
	if e.Side.Exec == nil {
		return probe.Output{}, fmt.Errorf("traffic: %w", e.Side.noExec())
	}
	pod, err := e.Side.runningPod(ctx, e.Namespace, e.Deployment)
	if err != nil {
		return probe.Output{}, e.failed(err)
	}
	container := e.Container
	if container == "" {
		if container, err = appContainer(pod); err != nil {
			return probe.Output{}, e.failed(err)
		}
	}
	return e.Side.Exec(pod.Namespace, pod.Name, container).Exec(ctx, command)
}

func (e Executor) failed(err error) error {
	return fmt.Errorf("traffic: exec in Deployment %s/%s of %q: %w", e.Namespace, e.Deployment, e.Side.ID, err)
}

func (s Side) noExec() error {
	return fmt.Errorf("%w: no command can be run in pods of %q: make the Cluster with Connect, or fill Cluster.Exec", istiod.ErrNotReady, s.ID)
}

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
	if err == nil && selector.String() == "" {
		err = errors.New("it selects every pod")
	}
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
