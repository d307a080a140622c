package config_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

const readerFile = "member/write/reader.yaml"

// TestReader keeps reader.yaml what istiods of any version need (profile Minimal): an API server lets the controller grant what
// it has itself. MESHPEER_UPDATE=1 writes it.
func TestReader(t *testing.T) {
	everywhere, local := &rbacv1.ClusterRole{}, &rbacv1.Role{}
	for minor := 19; minor <= 31; minor++ {
		reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, IstioVersion: fmt.Sprintf("1.%d", minor)})
		require.NoError(t, err)
		everywhere.Rules = append(everywhere.Rules, rbac.Missing(everywhere.Rules, reader.ClusterRole.Rules)...)
		if reader.Role != nil {
			local.Rules = append(local.Rules, rbac.Missing(local.Rules, reader.Role.Rules)...)
		}
	}
	newest, err := rbac.Render(rbac.Options{Profile: rbac.Minimal})
	require.NoError(t, err)
	require.Empty(t, rbac.Missing(everywhere.Rules, newest.ClusterRole.Rules), "a newer Istio than the loop knows")

	const name = "meshpeer-controller-reader"
	everywhere.TypeMeta = metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"}
	everywhere.Name = name
	local.TypeMeta = metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"}
	local.Namespace, local.Name = "istio-system", name
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "meshpeer-system", Name: "meshpeer-controller"}}
	var b bytes.Buffer
	b.WriteString("# Generated from package rbac (profile Minimal, Istio 1.19 to 1.31); do not edit.\n" +
		"# The controller grants these rights to the reader of each link, so it has to have them.\n")
	for i, o := range []any{
		everywhere,
		&rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: everywhere.APIVersion, Kind: "ClusterRoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		},
		local,
		&rbacv1.RoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: local.APIVersion, Kind: "RoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Namespace: local.Namespace, Name: name}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		},
	} {
		if i > 0 {
			b.WriteString("---\n")
		}
		text, err := yaml.Marshal(o)
		require.NoError(t, err)
		b.Write(text)
	}
	if os.Getenv("MESHPEER_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(readerFile, b.Bytes(), 0o644))
	}
	have, err := os.ReadFile(readerFile)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "write it with MESHPEER_UPDATE=1")
}
