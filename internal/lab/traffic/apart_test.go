//go:build linux

package traffic_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/meshpeer/meshpeer/internal/lab"
)

const plainPod = `apiVersion: v1
kind: Pod
metadata:
  name: plain
  labels: {app: plain, sidecar.istio.io/inject: "false"}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: sleep, image: docker.io/curlimages/curl, command: [sleep, infinity]}
`

// withPlain runs a Pod without a sidecar in c until the test ends.
func withPlain(t *testing.T, c *lab.Cluster) {
	t.Helper()
	require.NoError(t, c.Apply(t.Context(), []byte(plainPod)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, clientset(t, c).CoreV1().Pods("default").Delete(ctx, "plain", metav1.DeleteOptions{}))
		require.NoError(t, c.WaitPods(ctx, "default", "app=plain", 0))
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, c.WaitPods(ctx, "default", "app=plain", 1))
}

func clientset(t *testing.T, c *lab.Cluster) *kubernetes.Clientset {
	t.Helper()
	cs, err := kubernetes.NewForConfig(c.Config)
	require.NoError(t, err)
	return cs
}

func podOf(t *testing.T, c *lab.Cluster, namespace, selector string) *corev1.Pod {
	t.Helper()
	name, err := c.PodName(t.Context(), namespace, selector)
	require.NoError(t, err)
	pod, err := clientset(t, c).CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return pod
}

func service(t *testing.T, c *lab.Cluster, namespace, name string) *corev1.Service {
	t.Helper()
	s, err := clientset(t, c).CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return s
}

// The clusters' Pods have no way to each other but the gateways' load balancers.
func TestNetworksApart(t *testing.T) {
	l := sharedLab(t)
	for i, c := range l.Clusters {
		other := l.Clusters[1-i]
		withPlain(t, c)
		for _, target := range []struct {
			name, url string
			code      int
		}{
			{"own Pod", "http://" + podOf(t, c, "default", "app=httpbin").Status.PodIP + ":8080/status/200", 0},
			{"own Service by name", "http://httpbin:8000/status/200", 0},
			{"own Service by its full name", "http://httpbin.default.svc.cluster.local:8000/status/200", 0},
			{"own Service by address", "http://" + service(t, c, "default", "httpbin").Spec.ClusterIP + ":8000/status/200", 0},
			{"the other's Pod", "http://" + podOf(t, other, "default", "app=httpbin").Status.PodIP + ":8080/status/200", 7},
			{"the other's gateway Pod", "http://" + podOf(t, other, "istio-system", "istio=eastwestgateway").Status.PodIP + ":15021/healthz/ready", 7},
			{"the other's Service", "http://" + service(t, other, "default", "httpbin").Spec.ClusterIP + ":8000/status/200", 7},
			{"the other's load balancer", fmt.Sprintf("http://%s:15021/healthz/ready",
				service(t, other, "istio-system", "istio-eastwestgateway").Status.LoadBalancer.Ingress[0].IP), 0},
			{"no such name", "http://nobody:8000/", 6},
		} {
			t.Run("from "+c.ID+" to "+target.name, func(t *testing.T) {
				out, code := curlIn(t, c, "app=plain", "-f", target.url)
				require.Equal(t, target.code, code, out)
			})
		}
	}
}

// Without a sidecar there is no client certificate: a PERMISSIVE httpbin answers and shows none.
func TestPlainTextIsSeen(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	withPlain(t, c)
	out, code := curlIn(t, c, "app=plain", "http://httpbin:8000/headers")
	require.Zero(t, code, out)
	require.NotContains(t, out, "X-Forwarded-Client-Cert")
}
