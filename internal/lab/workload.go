//go:build linux

package lab

import (
	"context"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
)

// Scale sets the replicas of a Deployment through the API server's scale subresource, as kubectl scale does. It does not
// wait: see WaitPods.
func (c *Cluster) Scale(ctx context.Context, namespace, deployment string, replicas int) error {
	path := "/apis/apps/v1/namespaces/" + namespace + "/deployments/" + deployment + "/scale"
	return c.api.merge(ctx, path, map[string]any{"spec": map[string]any{"replicas": replicas}})
}

// WaitPods waits until exactly n Pods match the label selector and all of them are Ready, none ending. With n zero: until
// there are none. A lab without data plane runs no Pods, so it is an error there. The error of a context that ended says
// how far it was.
func (c *Cluster) WaitPods(ctx context.Context, namespace, selector string, n int) error {
	if c.lab.plane == nil {
		return c.lab.DataPlaneErr()
	}
	path := "/api/v1/namespaces/" + namespace + "/pods?labelSelector=" + url.QueryEscape(selector)
	what := fmt.Sprintf("%s: %d Ready Pods of %s/%s", c.ID, n, namespace, selector)
	return poll(ctx, what, func(ctx context.Context) error {
		var pods corev1.PodList
		if err := c.api.get(ctx, path, &pods); err != nil {
			return err
		}
		if len(pods.Items) != n {
			return fmt.Errorf("there are %d", len(pods.Items))
		}
		for _, pod := range pods.Items {
			if why := unready(&pod); why != "" {
				return fmt.Errorf("%s %s", pod.Name, why)
			}
		}
		return nil
	})
}

// unready says why a Pod is not Ready; empty when it is.
func unready(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "is ending"
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return ""
		}
	}
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if w := s.State.Waiting; w != nil && w.Message != "" {
			return fmt.Sprintf("is not ready: %s: %s", s.Name, w.Message)
		}
	}
	return fmt.Sprintf("is not ready (%s %s)", pod.Status.Phase, pod.Status.Message)
}

// PodName is the name of a Ready Pod that matches the label selector, the first by name.
func (c *Cluster) PodName(ctx context.Context, namespace, selector string) (string, error) {
	var pods corev1.PodList
	path := "/api/v1/namespaces/" + namespace + "/pods?labelSelector=" + url.QueryEscape(selector)
	if err := c.api.get(ctx, path, &pods); err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		if unready(&pod) == "" {
			return pod.Name, nil
		}
	}
	return "", fmt.Errorf("lab: %s: no Ready Pod of %s/%s", c.ID, namespace, selector)
}
