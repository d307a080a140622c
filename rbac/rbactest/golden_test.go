package rbactest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
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
	require.Contains(t, tb.fatals[0], "rbactest: Golden never.yaml: encode YAML of object 2: ")
}

func TestGoldenOfAnyObjects(t *testing.T) {
	t.Chdir(t.TempDir())
	meta := func(kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: kind}
	}
	role := &rbacv1.Role{TypeMeta: meta("Role"), ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "r"}, Rules: secretRules[:1]}
	policy, err := rbac.NewPolicy(role, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "c"}})
	require.NoError(t, err)
	for name, objects := range map[string]rbactest.Objects{"list.yaml": rbactest.List{role}, "policy.yaml": policy} {
		t.Setenv("MESHPEER_UPDATE", "1")
		tb := &fakeTB{}
		rbactest.Golden(tb, name, objects)
		t.Setenv("MESHPEER_UPDATE", "0")
		rbactest.Golden(tb, name, objects)
		require.Equal(t, &fakeTB{}, tb)
	}
	text, err := os.ReadFile("testdata/policy.yaml")
	require.NoError(t, err)
	require.Regexp(t, "(?s)^apiVersion.*kind: ClusterRole\n.*\n---\napiVersion.*kind: Role\n", string(text))

	for want, objects := range map[string]rbactest.Objects{
		"has no object to look at": rbactest.List{},
		"no object to look at":     (*rbac.Policy)(nil),
		"no object to look":        (*rbac.Reader)(nil),
		"object 2 is nil":          rbactest.List{role, nil},
		"object 1, a *v1.Role, has no apiVersion or kind: set its TypeMeta": rbactest.List{&rbacv1.Role{}},
	} {
		tb := &fakeTB{}
		rbactest.Golden(tb, "never.yaml", objects)
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], want)
	}
}
