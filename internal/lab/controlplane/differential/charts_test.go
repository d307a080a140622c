package differential_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/operator/pkg/helm"
	"istio.io/istio/operator/pkg/values"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

// istioVersion is the minor of the charts in the istio module that this module requires.
const istioVersion = "1.31"

func TestUpstreamIsWhatTheChartsRender(t *testing.T) {
	for _, c := range []struct {
		name    string
		options rbac.Options
		values  []string
	}{
		{"default", rbac.Options{Profile: rbac.Upstream}, nil},
		{"remote", rbac.Options{Profile: rbac.RemoteControlPlane}, []string{"istiodRemote.enabled=true"}},
		{"revision", rbac.Options{Profile: rbac.Upstream, Revision: "canary"}, []string{"revision=canary"}},
		{"remote revision", rbac.Options{Profile: rbac.RemoteControlPlane, Revision: "1-31-0"}, []string{"revision=1-31-0", "istiodRemote.enabled=true"}},
		{"namespace", rbac.Options{Profile: rbac.Upstream, Namespace: "mesh"}, []string{"global.istioNamespace=mesh"}},
		{"stable", rbac.Options{Profile: rbac.Upstream}, []string{"profile=stable"}},
		{"demo", rbac.Options{Profile: rbac.Upstream}, []string{"profile=demo"}},
		{"profile remote", rbac.Options{Profile: rbac.RemoteControlPlane}, []string{"profile=remote"}},
		{"ambient", rbac.Options{Profile: rbac.Upstream}, []string{"profile=ambient", "global.multiCluster.clusterName=east"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.IstioVersion = istioVersion
			got, err := rbac.Render(c.options)
			require.NoError(t, err)
			require.Empty(t, got.Warnings)
			namespace := got.ServiceAccount.Namespace

			istiod := chart(t, "istio-control/istio-discovery", namespace, c.values)
			var role rbacv1.ClusterRole
			decode(t, istiod, "ClusterRole", "istio-reader-clusterrole", &role)
			require.Equal(t, role, *got.ClusterRole)
			var binding rbacv1.ClusterRoleBinding
			decode(t, istiod, "ClusterRoleBinding", "istio-reader-clusterrole", &binding)
			require.Equal(t, binding, *got.ClusterRoleBinding)

			var account corev1.ServiceAccount
			decode(t, chart(t, "base", namespace, c.values), "ServiceAccount", "istio-reader", &account)
			require.Equal(t, account, *got.ServiceAccount)
		})
	}
}

// chart renders one of Istio's charts for a release named istiod, and returns its objects.
func chart(t *testing.T, name, namespace string, set []string) []map[string]any {
	t.Helper()
	input := values.Map{}
	for _, value := range set {
		require.NoError(t, input.SetPaths("spec.values."+value))
	}
	manifests, _, err := helm.Render("istiod", namespace, name, input, nil)
	require.NoError(t, err)
	var objects []map[string]any
	for _, m := range manifests {
		objects = append(objects, m.Object)
	}
	return objects
}

// decode reads the one object of the kind whose name begins so, without the
// labels that hold the chart's version.
func decode(t *testing.T, objects []map[string]any, kind, prefix string, into any) {
	t.Helper()
	found := 0
	for _, object := range objects {
		meta, _ := object["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		if object["kind"] != kind || !strings.HasPrefix(name, prefix) {
			continue
		}
		found++
		labels, _ := meta["labels"].(map[string]any)
		delete(labels, "app.kubernetes.io/version")
		delete(labels, "helm.sh/chart")
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(object, into))
	}
	require.Equal(t, 1, found, "%s %s...", kind, prefix)
}
