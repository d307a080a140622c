package rbac_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

func TestRenderGolden(t *testing.T) {
	for name, o := range map[string]rbac.Options{
		"asm":                       {},
		"upstream-1.19":             {Profile: rbac.Upstream, IstioVersion: "1.19"},
		"upstream-1.31":             {Profile: rbac.Upstream, IstioVersion: "1.31"},
		"remote-control-plane-1.27": {Profile: rbac.RemoteControlPlane, IstioVersion: "1.27.3"},
		"minimal":                   {Profile: rbac.Minimal},
		"minimal-1.28":              {Profile: rbac.Minimal, IstioVersion: "1.28"},
		"minimal-revisions":         {Profile: rbac.Minimal, Namespace: "readers", SystemNamespace: "istio-prod", Revisions: []string{"canary", "default"}},
		"named": {
			Profile: rbac.Minimal, Namespace: "mesh", ServiceAccount: "east.reader", Name: "east-reads-west",
			Labels:      map[string]string{"app.kubernetes.io/managed-by": "platform", "team": ""},
			Annotations: map[string]string{"example.com/why": "east reads west"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			golden.Equal(t, "render/"+name+".yaml", writeYAML(t, render(t, o)))
		})
	}
}

func writeYAML(t *testing.T, reader *rbac.Reader) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, reader.WriteYAML(&buf))
	return buf.Bytes()
}

func TestRenderNames(t *testing.T) {
	for _, tc := range []struct {
		o    rbac.Options
		role string
	}{
		{rbac.Options{}, "istio-reader-clusterrole-istio-system"},
		{rbac.Options{Revision: "canary"}, "istio-reader-clusterrole-canary-istio-system"},
		{rbac.Options{Revision: "default", Profile: rbac.Upstream}, "istio-reader-clusterrole-default-istio-system"},
		{rbac.Options{Namespace: "mesh"}, "istio-reader-clusterrole-mesh"},
		{rbac.Options{Namespace: "mesh", Revision: "1-31", Profile: rbac.Minimal}, "istio-reader-clusterrole-1-31-mesh"},
		{rbac.Options{Name: "mine:too", Revision: "canary"}, "mine:too"},
	} {
		t.Run(tc.role, func(t *testing.T) {
			tc.o.ServiceAccount = "reader"
			reader := render(t, tc.o)
			require.Equal(t, tc.role, reader.ClusterRole.Name)
			require.Equal(t, tc.role, reader.ClusterRoleBinding.Name)
			require.Equal(t, tc.role, reader.ClusterRoleBinding.RoleRef.Name)
			require.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: "reader", Namespace: reader.ServiceAccount.Namespace}}, reader.ClusterRoleBinding.Subjects)
			require.Equal(t, "reader", reader.ServiceAccount.Name)
			require.Empty(t, reader.ClusterRole.Namespace)
			require.Empty(t, reader.ClusterRoleBinding.Namespace)
		})
	}
}

func TestRenderSharesNothing(t *testing.T) {
	o := rbac.Options{Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "a"}}
	first, second := render(t, o), render(t, o)
	require.Equal(t, first, second)
	for i := range first.ClusterRole.Rules {
		first.ClusterRole.Rules[i].Verbs[0] = "changed"
		first.ClusterRole.Rules[i].Resources[0] = "changed"
	}
	first.ClusterRole.Labels["team"] = "b"
	first.ClusterRole.Annotations["note"] = "b"
	require.Equal(t, second, render(t, o))
	require.Equal(t, "a", first.ClusterRoleBinding.Labels["team"])
	require.Equal(t, "a", first.ServiceAccount.Annotations["note"])
	require.Equal(t, map[string]string{"team": "a"}, o.Labels)
}

func TestObjectsInApplyOrder(t *testing.T) {
	reader := render(t, rbac.Options{})
	require.Equal(t, []string{"v1/ServiceAccount", "rbac.authorization.k8s.io/v1/ClusterRole", "rbac.authorization.k8s.io/v1/ClusterRoleBinding"}, kinds(reader.Objects()))
	require.Equal(t, []string{
		"v1/ServiceAccount", "rbac.authorization.k8s.io/v1/ClusterRole", "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
		"rbac.authorization.k8s.io/v1/Role", "rbac.authorization.k8s.io/v1/RoleBinding",
	}, kinds(render(t, rbac.Options{Profile: rbac.Minimal}).Objects()))
	require.Same(t, reader.ClusterRole, reader.Objects()[1])

	reader.ServiceAccount = nil
	require.Equal(t, []string{"rbac.authorization.k8s.io/v1/ClusterRole", "rbac.authorization.k8s.io/v1/ClusterRoleBinding"}, kinds(reader.Objects()))
	require.Empty(t, (&rbac.Reader{}).Objects())
}

func kinds(objects []runtime.Object) []string {
	var kinds []string
	for _, object := range objects {
		version, kind := object.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
		kinds = append(kinds, version+"/"+kind)
	}
	return kinds
}

func TestWriteYAML(t *testing.T) {
	reader := render(t, rbac.Options{Profile: rbac.RemoteControlPlane})
	text := string(writeYAML(t, reader))
	require.NotContains(t, text, "creationTimestamp")
	require.NotContains(t, text, "status")
	require.NotContains(t, text, "null")
	documents := strings.Split(text, "---\n")
	require.Len(t, documents, 3)
	var role rbacv1.ClusterRole
	require.NoError(t, yaml.UnmarshalStrict([]byte(documents[1]), &role))
	require.Equal(t, reader.ClusterRole, &role)

	var none bytes.Buffer
	reader.ClusterRole.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1("{")}}
	require.ErrorContains(t, reader.WriteYAML(&none), "rbac: encode YAML: ")
	require.Zero(t, none.Len(), "all or nothing")

	reader.ClusterRole.ManagedFields = nil
	cause := errors.New("disk full")
	err := reader.WriteYAML(brokenWriter{cause})
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "rbac: write YAML: disk full")
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
