package rbac_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// chartReader is one entry of testdata/reader-roles.json: what the charts of a
// release branch of Istio render.
type chartReader struct {
	Minor, Setting string
	ClusterRole    struct {
		Name   string
		Labels map[string]string
		Rules  []rbacv1.PolicyRule
	}
	Binding struct {
		Name     string
		RoleRef  rbacv1.RoleRef
		Subjects []rbacv1.Subject
	}
	ServiceAccount struct{ Name, Namespace string }
}

func chartReaders(t *testing.T) []chartReader {
	t.Helper()
	data, err := os.ReadFile("testdata/reader-roles.json")
	require.NoError(t, err)
	var readers []chartReader
	require.NoError(t, json.Unmarshal(data, &readers))
	require.Len(t, readers, 13*3, "1.19 to 1.31, three settings each")
	return readers
}

var chartSettings = map[string]rbac.Options{
	"default":  {Profile: rbac.Upstream},
	"external": {Profile: rbac.RemoteControlPlane},
	"canary":   {Profile: rbac.Upstream, Revision: "canary"},
}

func TestUpstreamIsWhatTheChartsRender(t *testing.T) {
	for _, want := range chartReaders(t) {
		t.Run(want.Minor+"/"+want.Setting, func(t *testing.T) {
			o, known := chartSettings[want.Setting]
			require.True(t, known)
			for _, o.IstioVersion = range []string{want.Minor, want.Minor + ".3", "v" + want.Minor + ".0-alpha.1"} {
				got, err := rbac.Render(o)
				require.NoError(t, err)
				require.Equal(t, want.ClusterRole.Name, got.ClusterRole.Name)
				require.Equal(t, want.ClusterRole.Rules, got.ClusterRole.Rules)
				require.Equal(t, want.Binding.Name, got.ClusterRoleBinding.Name)
				require.Equal(t, want.Binding.RoleRef, got.ClusterRoleBinding.RoleRef)
				require.Equal(t, want.Binding.Subjects, got.ClusterRoleBinding.Subjects)
				require.Equal(t, want.ServiceAccount.Name, got.ServiceAccount.Name)
				require.Equal(t, want.ServiceAccount.Namespace, got.ServiceAccount.Namespace)
				require.Empty(t, got.Warnings)

				// The version of the chart is not ours to state.
				labels := maps.Clone(want.ClusterRole.Labels)
				delete(labels, "app.kubernetes.io/version")
				delete(labels, "helm.sh/chart")
				require.Equal(t, labels, got.ClusterRole.Labels)
				require.Equal(t, labels, got.ClusterRoleBinding.Labels)
				require.Equal(t, labels, got.ServiceAccount.Labels)
			}
		})
	}
}

func TestRemoteControlPlaneAddsToUpstream(t *testing.T) {
	upstream := render(t, rbac.Options{Profile: rbac.Upstream}).ClusterRole.Rules
	remote := render(t, rbac.Options{Profile: rbac.RemoteControlPlane}).ClusterRole.Rules
	require.Equal(t, upstream, remote[:len(upstream)])
	require.Len(t, remote, len(upstream)+3)
	require.Empty(t, rbac.Missing(remote, upstream))
}

func TestMinimalIsWithinTheOthers(t *testing.T) {
	minimal := render(t, rbac.Options{Profile: rbac.Minimal}).ClusterRole.Rules
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane} {
		require.Empty(t, rbac.Missing(render(t, rbac.Options{Profile: profile}).ClusterRole.Rules, minimal), profile)
	}
	for _, rule := range minimal {
		require.Equal(t, []string{"list", "watch"}, rule.Verbs)
		require.False(t, slices.Contains(rule.Resources, "*"))
	}
}

func render(t *testing.T, o rbac.Options) *rbac.Reader {
	t.Helper()
	reader, err := rbac.Render(o)
	require.NoError(t, err)
	return reader
}
