//go:build linux

package topology_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestExternalIstiod peers a cluster whose istiod runs outside of it and reads it with the credential of a Secret
// "istio-kubeconfig", as istioctl makes it.
func TestExternalIstiod(t *testing.T) {
	lab.Require(t)
	l, err := lab.Start(t.Context(), lab.Options{Clusters: []lab.ClusterOptions{
		{ID: "config", Network: "network-1", Hosted: true, IstiodEnv: map[string]string{"PILOT_MULTICLUSTER_KUBECONFIG_PATH": "", "EXTERNAL_ISTIOD": "true"}},
		{ID: "other", Network: "network-1"},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	w := connect(t, l)
	config, replica := l.Cluster("config"), l.Cluster("config").Istiods[0]

	t.Run("istiod reads it with the credential of istio-kubeconfig", func(t *testing.T) {
		installIstiodAccount(t, config)
		out, err := config.Istioctl(t.Context(), "create-remote-secret", "--type=config", "--name=config", "--server", config.Server)
		require.NoError(t, err)
		secret := &corev1.Secret{}
		require.NoError(t, yaml.Unmarshal(out, secret))
		require.Equal(t, "istio-kubeconfig", secret.Name)
		require.Equal(t, "true", secret.Labels["istio/multiCluster"])
		kubeconfig := []byte(secret.StringData["config"])
		remotes, err := secrets.Parse(&corev1.Secret{ObjectMeta: secret.ObjectMeta, Data: map[string][]byte{"config": kubeconfig}})
		require.NoError(t, err)
		require.Equal(t, "config", remotes[0].Cluster, "its key, whatever the cluster is called")

		mark := config.Audit()
		require.NoError(t, replica.Stop())
		require.NoError(t, replica.UseKubeconfig(kubeconfig))
		require.NoError(t, replica.Start(t.Context()))
		events, err := config.AuditSince(mark)
		require.NoError(t, err)
		require.Positive(t, lab.CountAudit(events, func(e lab.AuditEvent) bool {
			return e.User == "system:serviceaccount:istio-system:istiod" && e.Code == 200
		}).Reads)
	})

	link := w.link("config", "other")
	_, err = (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), link)
	require.Equal(t, []string{"istiod-present"}, blocking(t, err), "no Pod tells of it")

	link.From.Istiods = elsewhere{replica}
	p := &peering.Peering{Flavour: preflight.Upstream, Tolerate: []string{"istiod-present"}}
	report, err := p.Ensure(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status(), "the Secret is read where its cluster is: %+v", report.Links[0].Results)
	rotated, err := p.Rotate(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, rotated.Status())

	back := w.link("other", "config")
	report, err = p.Ensure(t.Context(), back)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status())
}

// elsewhere finds an istiod that runs outside of the cluster that it serves.
type elsewhere struct{ *lab.Istiod }

func (e elsewhere) Replicas(context.Context) ([]istiod.Replica, error) {
	return []istiod.Replica{{Name: e.Name, Version: "1.31.0", Debug: e.Debug}}, nil
}

// installIstiodAccount applies the account and the roles of Istio's chart.
func installIstiodAccount(t *testing.T, c *lab.Cluster) {
	t.Helper()
	out, err := c.Istioctl(t.Context(), "manifest", "generate")
	require.NoError(t, err)
	applied := 0
	for _, document := range bytes.Split(out, []byte("\n---")) {
		var object metav1.PartialObjectMetadata
		if bytes.Contains(document, []byte("kind: CustomResourceDefinition")) {
			continue // large
		}
		require.NoError(t, yaml.Unmarshal(document, &object))
		switch object.Kind {
		case "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding":
			if strings.HasPrefix(object.Name, "istiod") {
				require.NoError(t, c.Apply(t.Context(), document))
				applied++
			}
		}
	}
	require.GreaterOrEqual(t, applied, 5)
}
