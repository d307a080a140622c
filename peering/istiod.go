package peering

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// istiodPods finds istiods as Pods and asks each through pods/portforward: inside the pod the request comes from loopback,
// which istiod's debug endpoints trust (pilot/pkg/xds/debug.go).
type istiodPods struct {
	objects   Objects
	namespace string
	dial      func(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Replicas lists the Pods labelled app=istiod that run or are about to.
func (s istiodPods) Replicas(ctx context.Context) ([]Replica, error) {
	pods, err := list(ctx, s.objects, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace}}, "app=istiod")
	if err != nil {
		return nil, err
	}
	var replicas []Replica
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			replicas = append(replicas, Replica{Name: pod.Name, Version: istioVersion(pod), Debug: s.debug(pod)})
		}
	}
	return replicas, nil
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
			return nil, fmt.Errorf("%w: %s of %s wants a token of audience istio-ca, or a request from loopback", ErrNotReady, path, pod.Name)
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%w: %s of %s: HTTP %s", ErrNotReady, path, pod.Name, response.Status)
		}
		return body, nil
	}
}

// istioVersion reads the tag of the image of container discovery, such as "1.31.0" or "1.27.3-distroless".
func istioVersion(pod *corev1.Pod) string {
	for _, c := range pod.Spec.Containers {
		if c.Name != "discovery" {
			continue
		}
		if _, tag, found := strings.Cut(c.Image[strings.LastIndex(c.Image, "/")+1:], ":"); found {
			tag, _, _ = strings.Cut(tag, "@")
			return tag
		}
	}
	return ""
}
