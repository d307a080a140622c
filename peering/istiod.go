package peering

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/istiod"
)

// istiodPods finds istiods as Pods and asks each through pods/portforward: inside the pod the request comes from loopback,
// which istiod's debug endpoints trust (pilot/pkg/xds/debug.go).
type istiodPods struct {
	objects   Objects
	namespace string
	selector  string // "" is that of Istio's charts
	dial      func(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Replicas lists the selected Pods that run or are about to. Without any, the error says what there is instead.
func (s istiodPods) Replicas(ctx context.Context) ([]Replica, error) {
	like := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace}}
	pods, err := list(ctx, s.objects, like, cmp.Or(s.selector, istiod.Selector))
	if err != nil {
		return nil, err
	}
	running := istiod.Find(pods, s.selector).Running
	if len(running) == 0 {
		if pods, err = list(ctx, s.objects, like, ""); err != nil {
			return nil, err
		}
		seen, remedy := istiod.Find(pods, s.selector).Missing(s.namespace)
		return nil, &noIstiodError{seen, remedy}
	}
	replicas := make([]Replica, len(running))
	for i, pod := range running {
		replicas[i] = Replica{Name: pod.Name, Version: istiod.Version(pod), Revision: istiod.Revision(pod), Debug: s.debug(pod)}
	}
	return replicas, nil
}

// noIstiodError says what there is in place of a running istiod.
type noIstiodError struct{ seen, remedy string }

func (e *noIstiodError) Error() string { return ErrNotReady.Error() + ": " + e.seen }

func (*noIstiodError) Unwrap() error { return ErrNotReady }

// whyNoIstiod is the next step where no istiod of the member could be asked.
func (m *member) whyNoIstiod() string {
	if missing, ok := errors.AsType[*noIstiodError](m.noIstiod); ok {
		return missing.remedy
	}
	return "let the caller list pods and create pods/portforward in istiod's namespace, set ConnectOptions.Namespace to that namespace, or fill Cluster.Istiods"
}

func (s istiodPods) debug(pod *corev1.Pod) func(context.Context, string) ([]byte, error) {
	port := 15014 // istiod's monitoring port
	if p, err := strconv.Atoi(pod.Annotations["prometheus.io/port"]); err == nil {
		port = p
	}
	return func(ctx context.Context, path string) ([]byte, error) {
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return s.dial(ctx, pod.Namespace, pod.Name, port)
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
