//go:build linux

package traffic_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// run makes a Pod without a sidecar whose one container runs a shell script.
func run(t *testing.T, c *lab.Cluster, name, policy, script string) {
	t.Helper()
	require.NoError(t, c.Apply(t.Context(), fmt.Appendf(nil, `apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s, sidecar.istio.io/inject: "false"}}
spec:
  restartPolicy: %s
  terminationGracePeriodSeconds: 2
  containers:
  - {name: sleep, image: curlimages/curl, command: [sh, -c, %q]}
`, name, name, policy, script)))
	t.Cleanup(func() {
		err := clientset(t, c).CoreV1().Pods("default").Delete(context.Background(), name, metav1.DeleteOptions{})
		require.True(t, err == nil || apierrors.IsNotFound(err), "%v", err)
	})
}

func TestPodEnds(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	pods := clientset(t, c).CoreV1().Pods("default")
	run(t, c, "well", "Never", "exit 0")
	run(t, c, "badly", "Never", "echo said; exit 3")
	run(t, c, "again", "Always", "exit 4")
	run(t, c, "until", "OnFailure", "test -e done && exit 0; touch done; exit 1")
	for name, done := range map[string]func(*corev1.Pod) bool{
		"well":  func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded },
		"badly": func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed && exitOf(p) == 3 },
		"again": func(p *corev1.Pod) bool {
			return p.Status.Phase == corev1.PodRunning && p.Status.ContainerStatuses[0].RestartCount > 1
		},
		"until": func(p *corev1.Pod) bool {
			return p.Status.Phase == corev1.PodSucceeded && p.Status.ContainerStatuses[0].RestartCount == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, name, func() (string, bool) {
				p, err := pods.Get(t.Context(), name, metav1.GetOptions{})
				require.NoError(t, err)
				return fmt.Sprintf("%+v", p.Status.ContainerStatuses), done(p)
			})
		})
	}
	log, err := pods.GetLogs("badly", &corev1.PodLogOptions{}).DoRaw(t.Context())
	require.NoError(t, err)
	require.Equal(t, "said\n", string(log), "the log of a finished Pod stays")
}

func exitOf(p *corev1.Pod) int32 {
	if t := p.Status.ContainerStatuses[0].State.Terminated; t != nil {
		return t.ExitCode
	}
	return -1
}

// An image that the node does not have keeps a Pod waiting, with the reason in its status.
func TestUnknownImage(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	require.NoError(t, c.Apply(t.Context(), []byte(`apiVersion: v1
kind: Pod
metadata: {name: unknown, labels: {app: unknown, sidecar.istio.io/inject: "false"}}
spec: {containers: [{name: c, image: registry/no-such-image:1}]}
`)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := c.WaitPods(ctx, "default", "app=unknown", 1)
	require.ErrorContains(t, err, `image "registry/no-such-image:1": no such image on this node`)
	require.NoError(t, clientset(t, c).CoreV1().Pods("default").Delete(t.Context(), "unknown", metav1.DeleteOptions{}))
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, c.WaitPods(ctx, "default", "app=unknown", 0))
}

// A deleted Pod has its grace: a process that takes SIGTERM ends by itself, one that does not is killed.
func TestGrace(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	pods := clientset(t, c).CoreV1().Pods("default")
	run(t, c, "tidy", "Always", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
	run(t, c, "stubborn", "Always", "trap '' TERM; while :; do sleep 0.1; done")
	for _, name := range []string{"tidy", "stubborn"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.NoError(t, c.WaitPods(ctx, "default", "app="+name, 1))
		require.NoError(t, pods.Delete(ctx, name, metav1.DeleteOptions{}))
		require.NoError(t, c.WaitPods(ctx, "default", "app="+name, 0))
		cancel()
	}
}

// The node agent works on where it was when the API server comes back.
func TestAPIServerOutage(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	before := podOf(t, c, "default", "app=httpbin").Name
	c.StopAPIServer()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, c.StartAPIServer(ctx))
	require.Equal(t, before, podOf(t, c, "default", "app=httpbin").Name)
	scale(t, c, 2)
	scale(t, c, 1)
	answersFrom(t, c, "cluster-1", "cluster-2")
}
