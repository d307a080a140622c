package istiod

import (
	"cmp"
	"context"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
)

// Pods finds istiods as Pods and asks each through pods/portforward: inside the pod the request comes from loopback,
// which istiod's debug endpoints trust (pilot/pkg/xds/debug.go). The connection to a Pod is kept until Replica.Close, or
// until it was idle for ten seconds.
type Pods struct {
	// List returns the Pods of a namespace that a label selector matches.
	List      func(ctx context.Context, namespace, selector string) ([]*corev1.Pod, error)
	Namespace string
	Selector  string // "" is that of Istio's charts
	// Dial connects to a port of a Pod, as `kubectl port-forward` does.
	Dial func(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Replicas lists the selected Pods that run or are about to. Without any, the error says what there is instead.
func (s Pods) Replicas(ctx context.Context) ([]Replica, error) {
	pods, err := s.List(ctx, s.Namespace, cmp.Or(s.Selector, istio.Selector))
	if err != nil {
		return nil, err
	}
	running := istio.Find(pods, s.Selector).Running
	if len(running) == 0 {
		if pods, err = s.List(ctx, s.Namespace, ""); err != nil {
			return nil, err
		}
		seen, remedy := istio.Find(pods, s.Selector).Missing(s.Namespace)
		return nil, &MissingError{seen, remedy}
	}
	replicas := make([]Replica, len(running))
	for i, pod := range running {
		replicas[i] = s.replica(pod)
	}
	return replicas, nil
}

// MissingError says what there is in place of a running istiod.
type MissingError struct{ Seen, Remedy string }

// Error says what was seen instead.
func (e *MissingError) Error() string { return ErrNotReady.Error() + ": " + e.Seen }

// Unwrap returns ErrNotReady.
func (*MissingError) Unwrap() error { return ErrNotReady }

// replica asks the Pod at istiod's monitoring port over a connection of its own.
func (s Pods) replica(pod *corev1.Pod) Replica {
	port := 15014
	if p, err := strconv.Atoi(pod.Annotations["prometheus.io/port"]); err == nil {
		port = p
	}
	t := newTunnel(pod.Name, func(ctx context.Context) (net.Conn, error) { return s.Dial(ctx, pod.Namespace, pod.Name, port) })
	return Replica{
		Name: pod.Name, UID: string(pod.UID), Version: istio.Version(pod), Revision: istio.Revision(pod),
		Debug: t.debug, Open: t.open, tunnel: t,
	}
}
