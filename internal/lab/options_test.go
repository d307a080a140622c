//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// A second lab beside the first, with the options that the default one leaves alone.
func TestOptions(t *testing.T) {
	lab.Require(t)
	var lines []string
	l, err := lab.Start(t.Context(), lab.Options{
		Clusters: []lab.ClusterOptions{
			{ID: "managed", Network: "vpc", Hosted: true, GatewayAPI: true},
			{ID: "plain", NoIstiod: true, NoTokenController: true, MaxTokenLife: time.Hour},
		},
		Progress: func(line string) { lines = append(lines, line) },
	})
	require.NoError(t, err)
	defer func() {
		require.NoError(t, l.Close())
		require.NoError(t, l.Close(), "twice")
		require.NoDirExists(t, l.Dir)
	}()
	managed, plain := l.Cluster("managed"), l.Cluster("plain")
	require.Len(t, lines, 3, "API servers and the one istiod: %q", lines)

	t.Run("a hosted control plane reads the others", func(t *testing.T) {
		eventually(t, 20*time.Second, func(ctx context.Context) error {
			known, err := managed.Istiods[0].Clusterz(ctx)
			if err != nil {
				return err
			}
			for _, cluster := range known {
				if cluster.ID == "plain" && cluster.SyncStatus == "synced" {
					return nil
				}
			}
			return fmt.Errorf("%v", known)
		})
	})
	t.Run("a hosted control plane leaves no trace in its cluster", func(t *testing.T) {
		cs := clientset(t, managed, lab.UserAdmin, "").CoreV1()
		pods, err := cs.Pods("istio-system").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, pods.Items)
		secrets, err := cs.Secrets("istio-system").List(t.Context(), metav1.ListOptions{LabelSelector: "istio/multiCluster=true"})
		require.NoError(t, err)
		require.Empty(t, secrets.Items)
		namespace, err := cs.Namespaces().Get(t.Context(), "istio-system", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, "vpc", namespace.Labels["topology.istio.io/network"])
	})
	t.Run("custom resources", func(t *testing.T) {
		for cluster, want := range map[*lab.Cluster][]bool{managed: {true, true}, plain: {false, false}} {
			groups, err := clientset(t, cluster, lab.UserAdmin, "").Discovery().ServerGroups()
			require.NoError(t, err)
			have := map[string]bool{}
			for _, group := range groups.Groups {
				have[group.Name] = true
			}
			require.Equal(t, want, []bool{have["networking.istio.io"], have["gateway.networking.k8s.io"]}, cluster.ID)
		}
	})
	t.Run("tokens", func(t *testing.T) {
		cs := clientset(t, plain, lab.UserAdmin, "").CoreV1()
		long := int64(7 * 24 * 3600)
		token, err := cs.ServiceAccounts("default").CreateToken(t.Context(), "default",
			&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &long}}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.LessOrEqual(t, *token.Spec.ExpirationSeconds, int64(3600))
		secret, err := cs.Secrets("default").Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "never", Annotations: map[string]string{corev1.ServiceAccountNameKey: "default"}},
			Type:       corev1.SecretTypeServiceAccountToken,
		}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Empty(t, secret.Data)
	})
}

func TestIstioctl(t *testing.T) {
	c := defaultLab(t).Cluster("cluster-2")
	out, err := c.Istioctl(t.Context(), "version", "--remote=false", "--output", "json")
	require.NoError(t, err)
	require.JSONEq(t, string(out), string(out), "nothing but JSON")
	out, err = c.Istioctl(t.Context(), "remote-clusters")
	require.NoError(t, err)
	require.Contains(t, string(out), "cluster-2")
	require.Contains(t, string(out), "istiod-1")
	require.Contains(t, string(out), "istiod-2")
	_, err = c.Istioctl(t.Context(), "no-such-command")
	require.ErrorContains(t, err, "no-such-command")
}
