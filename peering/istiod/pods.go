package istiod

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
)

// Pods finds istiods as Pods and asks each through pods/portforward: inside the pod the request comes from loopback,
// which istiod's debug endpoints trust (pilot/pkg/xds/debug.go).
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
		replicas[i] = Replica{Name: pod.Name, Version: istio.Version(pod), Revision: istio.Revision(pod), Debug: s.debug(pod)}
	}
	return replicas, nil
}

// MissingError says what there is in place of a running istiod.
type MissingError struct{ Seen, Remedy string }

// Error says what was seen instead.
func (e *MissingError) Error() string { return ErrNotReady.Error() + ": " + e.Seen }

// Unwrap returns ErrNotReady.
func (*MissingError) Unwrap() error { return ErrNotReady }

func (s Pods) debug(pod *corev1.Pod) func(context.Context, string) ([]byte, error) {
	port := 15014 // istiod's monitoring port
	if p, err := strconv.Atoi(pod.Annotations["prometheus.io/port"]); err == nil {
		port = p
	}
	return func(ctx context.Context, path string) ([]byte, error) {
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return s.Dial(ctx, pod.Namespace, pod.Name, port)
			},
		}}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pod.Name+path, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
		}
		if response.StatusCode == http.StatusUnauthorized { // an empty 401; only istiod's log tells the reason
			return nil, fmt.Errorf("%w: %s of %s requires a token of audience istio-ca, or a request from loopback", ErrNotReady, path, pod.Name)
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%w: %s of %s: HTTP %s", ErrNotReady, path, pod.Name, response.Status)
		}
		return body, nil
	}
}
