package rbac_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

// testdata/asm-reader-role.yaml is the manifest that ASM's document shows.
func TestZeroOptionsAreTheASMDocument(t *testing.T) {
	data, err := os.ReadFile("testdata/asm-reader-role.yaml")
	require.NoError(t, err)
	documents := bytes.Split(data, []byte("\n---\n"))
	require.Len(t, documents, 2)
	var role rbacv1.ClusterRole
	var binding rbacv1.ClusterRoleBinding
	require.NoError(t, yaml.UnmarshalStrict(documents[0], &role))
	require.NoError(t, yaml.UnmarshalStrict(documents[1], &binding))

	for name, o := range map[string]rbac.Options{
		"zero": {}, "named": {Profile: rbac.ASM}, "any version": {IstioVersion: "v1.14.6.78-gd3ac4cbd-aliyun"}, "newer": {IstioVersion: "1.99"},
	} {
		t.Run(name, func(t *testing.T) {
			reader, err := rbac.Render(o)
			require.NoError(t, err)
			require.Equal(t, &role, reader.ClusterRole)
			require.Equal(t, &binding, reader.ClusterRoleBinding)
			require.Equal(t, "istio-reader-service-account", reader.ServiceAccount.Name)
			require.Equal(t, "istio-system", reader.ServiceAccount.Namespace)
			require.Empty(t, reader.Warnings)
		})
	}
}
