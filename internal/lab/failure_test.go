//go:build linux

package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func TestAPIServerOutage(t *testing.T) {
	c := defaultLab(t).Cluster("cluster-1")
	cs := clientset(t, c, lab.UserAdmin, "")
	c.StopAPIServer()
	_, err := cs.CoreV1().Namespaces().Get(t.Context(), "istio-system", metav1.GetOptions{})
	require.ErrorContains(t, err, "connection refused")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, c.StartAPIServer(ctx))
	require.NoError(t, c.StartAPIServer(ctx), "a second start is a no-op")
	namespace, err := cs.CoreV1().Namespaces().Get(t.Context(), "istio-system", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "network-1", namespace.Labels["topology.istio.io/network"])
}

func TestIstiodStopped(t *testing.T) {
	c := defaultLab(t).Cluster("cluster-2")
	cs := clientset(t, c, lab.UserAdmin, "")
	ready := func(name string) bool {
		pod, err := cs.CoreV1().Pods("istio-system").Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, corev1.PodRunning, pod.Status.Phase)
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady {
				return condition.Status == corev1.ConditionTrue
			}
		}
		return false
	}
	second := c.Istiods[1]
	t.Run("by itself", func(t *testing.T) {
		require.NoError(t, syscall.Kill(pidOf(t, "POD_NAME=istiod-2"), syscall.SIGKILL))
		eventually(t, 10*time.Second, func(context.Context) error {
			if ready("istiod-2") {
				return errors.New("still ready")
			}
			return nil
		})
		require.NoError(t, second.Start(t.Context()))
		require.True(t, ready("istiod-2"))
	})
	require.NoError(t, second.Stop())
	require.False(t, ready("istiod-2"))
	require.True(t, ready("istiod-1"))
	_, err := second.Clusterz(t.Context())
	require.ErrorContains(t, err, "connection refused")
	conn, err := forward(t, second, c.Config, true)
	require.NoError(t, err, "the Pod is still there")
	require.NotContains(t, getThrough(t, conn, 15014, "/debug/clusterz"), "HTTP/")
	require.NoError(t, conn.Close())

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, second.Start(ctx))
	require.True(t, ready("istiod-2"))
	_, err = second.Clusterz(t.Context())
	require.NoError(t, err)
}

// pidOf finds the process with a line in its environment.
func pidOf(t *testing.T, variable string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err == nil && strings.Contains("\x00"+string(env), "\x00"+variable+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			return pid
		}
	}
	require.Fail(t, "no process has "+variable)
	return 0
}

func TestPauseControllers(t *testing.T) {
	c := defaultLab(t).Cluster("cluster-1")
	cs := clientset(t, c, lab.UserAdmin, "")
	secrets := cs.CoreV1().Secrets("default")
	filled := func(ctx context.Context) error {
		secret, err := secrets.Get(ctx, "held", metav1.GetOptions{})
		if err == nil && len(secret.Data["token"]) == 0 {
			err = errors.New("no token yet")
		}
		return err
	}
	require.NoError(t, c.PauseControllers())
	_, err := secrets.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "held", Annotations: map[string]string{corev1.ServiceAccountNameKey: "default"}},
		Type:       corev1.SecretTypeServiceAccountToken,
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.ErrorContains(t, filled(t.Context()), "no token yet")
	require.NoError(t, c.ResumeControllers())
	eventually(t, 20*time.Second, filled)
	require.NoError(t, secrets.Delete(t.Context(), "held", metav1.DeleteOptions{}))
}

// A cluster that cannot start says which process failed and what it said last.
func TestStartFailure(t *testing.T) {
	lab.Require(t)
	_, err := lab.Start(t.Context(), lab.Options{Clusters: []lab.ClusterOptions{{
		ID: "broken", IstiodEnv: map[string]string{"GOMEMLIMIT": "no-such-size"},
	}}})
	require.ErrorContains(t, err, "broken/istiod-1 ended before it was ready")
	require.ErrorContains(t, err, "malformed GOMEMLIMIT")

	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	cancel(stopped)
	_, err = lab.Start(ctx, lab.Options{Clusters: []lab.ClusterOptions{{ID: "never"}}})
	require.ErrorIs(t, err, stopped)
}

func TestOptionsRefused(t *testing.T) {
	lab.Require(t)
	for want, clusters := range map[string][]lab.ClusterOptions{
		`Clusters[0].ID "Cluster": must be a DNS label`: {{ID: "Cluster"}},
		`Clusters[1].ID "a": used twice`:                {{ID: "a"}, {ID: "a"}},
		`Clusters[0].Istiods 10: must be 0 to 9`:        {{ID: "a", Istiods: 10}},
		`Clusters[0].MaxTokenLife 1m0s`:                 {{ID: "a", MaxTokenLife: time.Minute}},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := lab.Start(t.Context(), lab.Options{Clusters: clusters})
			require.ErrorContains(t, err, want)
		})
	}
	_, err := defaultLab(t).Clusters[0].ConfigFor("nobody")
	require.ErrorContains(t, err, fmt.Sprintf("no user %q", "nobody"))
}
