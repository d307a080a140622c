package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// TestRulesOfTheRoleThatIsMeant: of several roles, the one that a binding names; of a live aggregated role, what its
// controller wrote.
func TestRulesOfTheRoleThatIsMeant(t *testing.T) {
	get := []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}
	list := []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "n", Name: name} }

	rules, err := rbac.RulesOf(
		&rbacv1.RoleBinding{ObjectMeta: meta("b"), RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "wanted"}},
		&rbacv1.Role{ObjectMeta: meta("other"), Rules: list}, &rbacv1.Role{ObjectMeta: meta("wanted"), Rules: get},
	)
	require.NoError(t, err)
	require.Equal(t, get, rules)
	rules, err = rbac.RulesOf(
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta("b"), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "wanted"}},
		&rbacv1.ClusterRole{ObjectMeta: meta("other"), Rules: list}, &rbacv1.ClusterRole{ObjectMeta: meta("wanted"), Rules: get},
	)
	require.NoError(t, err)
	require.Equal(t, get, rules)

	live := &rbacv1.ClusterRole{ObjectMeta: meta("live"), AggregationRule: &rbacv1.AggregationRule{}, Rules: get}
	live.ResourceVersion = "7"
	rules, err = rbac.RulesOf(live)
	require.NoError(t, err)
	require.Equal(t, get, rules)
}
