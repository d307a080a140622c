package traffic

import (
	"context"
	"fmt"

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
