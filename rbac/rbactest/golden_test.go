package rbactest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

func TestGolden(t *testing.T) {
	t.Chdir(t.TempDir())
	reader, err := rbac.Render(rbac.Options{})
	require.NoError(t, err)
	compare := func(update string) *fakeTB {
		t.Setenv("MESHPEER_UPDATE", update)
		tb := &fakeTB{}
		rbactest.Golden(tb, "roles/asm.yaml", reader)
		return tb
	}

	absent := compare("0")
	require.Len(t, absent.fatals, 1)
	require.Contains(t, absent.fatals[0], "run go test with MESHPEER_UPDATE=1")

	require.Equal(t, &fakeTB{}, compare("1"))
	require.Equal(t, &fakeTB{}, compare("0"))
	text, err := os.ReadFile("testdata/roles/asm.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "kind: ClusterRoleBinding")

	reader.ClusterRole.Name = "other"
	changed := compare("0")
	require.Len(t, changed.fatals, 1)
	require.Contains(t, changed.fatals[0], `"  name: other\n"`)
	require.Contains(t, changed.fatals[0], "MESHPEER_UPDATE=1")
	require.Empty(t, changed.errors)
}

func TestGoldenOfWhatHasNoYAML(t *testing.T) {
	reader, err := rbac.Render(rbac.Options{})
	require.NoError(t, err)
	reader.ClusterRole.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1("{")}}
	tb := &fakeTB{}
	rbactest.Golden(tb, "never.yaml", reader)
	require.Len(t, tb.fatals, 1)
	require.Contains(t, tb.fatals[0], "rbactest: rbac: encode YAML: ")
}
