//go:build linux

package clusters

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net/url"
	"text/template"

	corev1 "k8s.io/api/core/v1"
)

//go:embed scenario
var scenarioFiles embed.FS

// applyManifest fills in one of the embedded files and applies it.
func (c *Cluster) applyManifest(ctx context.Context, name string) error {
	parsed, err := template.ParseFS(scenarioFiles, "scenario/"+name)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var istiods []string
	for _, i := range c.serving() {
		istiods = append(istiods, i.box.Addr.String())
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, map[string]any{
		"Cluster": c.ID, "Network": c.Network, "Strict": c.lab.plane.Strict, "Istiods": istiods,
	})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return c.Apply(ctx, text.Bytes())
}

// hasGateway says whether the cluster has an east-west gateway.
func (c *Cluster) hasGateway() bool { return !c.lab.plane.Flat && !c.options.NoGateway }

func (c *Cluster) applyScenario(ctx context.Context) error {
	files := []string{"mesh.yaml"}
	if c.hasGateway() {
		files = append(files, "gateway.yaml")
	}
	if !c.lab.plane.NoWorkloads {
		files = append(files, "workloads.yaml")
	}
	for _, name := range files {
		if err := c.applyManifest(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// awaitScenario waits until the workloads of all clusters are Ready.
func (l *Lab) awaitScenario(ctx context.Context) error {
	if l.plane == nil {
		return nil
	}
	var tasks []func(context.Context) error
	for _, c := range l.Clusters {
		if len(c.Istiods) == 0 { // or another cluster's serve it, see Settle
			continue
		}
		tasks = append(tasks, c.awaitPods()...)
	}
	if err := parallel(ctx, tasks...); err != nil {
		return err
	}
	l.say("all Pods are ready")
	return nil
}

// awaitPods are the waits for the Pods of the scenario.
func (c *Cluster) awaitPods() (tasks []func(context.Context) error) {
	if c.hasGateway() {
		tasks = append(tasks, func(ctx context.Context) error { return c.WaitPods(ctx, istioSystem, "istio=eastwestgateway", 1) })
	}
	if !c.lab.plane.NoWorkloads {
		tasks = append(tasks, func(ctx context.Context) error { return c.WaitPods(ctx, "default", "app in (httpbin,sleep)", 2) })
	}
	return tasks
}

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
