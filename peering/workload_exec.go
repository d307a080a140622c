package peering

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/probe"
)

// Executor runs commands in a running pod of a Deployment, as `kubectl exec deployment/X` chooses it: by the Deployment's
// selector, a Ready pod first; each command chooses again. Container "" is the app's, by the annotation
// kubectl.kubernetes.io/default-container. For [probe.PilotAgent] name istio-proxy.
//
// The error is ErrNotReady if no pod runs or Cluster.Exec is nil, and the API server's if the Deployment cannot be read.
func (c *Cluster) Executor(namespace, deployment, container string) probe.Executor {
	return probe.ExecutorFunc(func(ctx context.Context, command probe.Command) (probe.Output, error) {
		if c.Exec == nil {
			return probe.Output{}, fmt.Errorf("peering: %w", c.noExec())
		}
		pod, err := c.runningPod(ctx, namespace, deployment)
		if err != nil {
			return probe.Output{}, fmt.Errorf("peering: exec in Deployment %s/%s of %q: %w", namespace, deployment, c.ID, err)
		}
		in := container
		if in == "" {
			if in, err = appContainer(pod); err != nil {
				return probe.Output{}, fmt.Errorf("peering: exec in Deployment %s/%s of %q: %w", namespace, deployment, c.ID, err)
			}
		}
		return c.Exec(pod.Namespace, pod.Name, in).Exec(ctx, command)
	})
}

func (c *Cluster) noExec() error {
	return fmt.Errorf("%w: no command can be run in pods of %q: make the Cluster with Connect, or fill Cluster.Exec", ErrNotReady, c.ID)
}
