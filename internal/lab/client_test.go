//go:build linux

package lab_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func clientset(t *testing.T, c *lab.Cluster, user, agent string) *kubernetes.Clientset {
	t.Helper()
	config, err := c.ConfigFor(user)
	require.NoError(t, err)
	config.UserAgent = agent
	cs, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return cs
}

// nodeURL is where the API server finds the node agent.
func nodeURL(t *testing.T, c *lab.Cluster) string {
	t.Helper()
	nodes, err := clientset(t, c, lab.UserAdmin, "").CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, nodes.Items, 1)
	status := nodes.Items[0].Status
	require.Equal(t, corev1.NodeInternalIP, status.Addresses[0].Type)
	return fmt.Sprintf("https://%s:%d", status.Addresses[0].Address, status.DaemonEndpoints.KubeletEndpoint.Port)
}
