package peeringtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

func rulesReview(namespace string) *authorizationv1.SelfSubjectRulesReview {
	return &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
}

func rulesOf(t testing.TB, objects peering.Objects, namespace string) authorizationv1.SubjectRulesReviewStatus {
	t.Helper()
	o, err := objects.Create(context.Background(), rulesReview(namespace))
	require.NoError(t, err)
	return o.(*authorizationv1.SelfSubjectRulesReview).Status
}

func TestRulesReview(t *testing.T) {
	m := peeringtest.NewMesh("east").Member("east")
	objects, err := m.As(m.Cluster.Endpoint, grantTo(t, m, "reader"))
	require.NoError(t, err)

	everywhere, there := rulesOf(t, objects, "no-such-namespace"), rulesOf(t, objects, "istio-system")
	require.Len(t, there.ResourceRules, len(everywhere.ResourceRules)+1, "its Role is for one ConfigMap")
	require.False(t, everywhere.Incomplete)
	require.Empty(t, everywhere.EvaluationError)

	everywhere.ResourceRules[0].Verbs[0] = "changed"
	require.NotEqual(t, everywhere, rulesOf(t, objects, "no-such-namespace"), "an answer is a copy")

	require.NoError(t, m.Delete(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}))
	dangling := rulesOf(t, objects, "no-such-namespace")
	require.Contains(t, dangling.EvaluationError, `clusterroles.rbac.authorization.k8s.io "reader" not found`)
	require.False(t, dangling.Incomplete)
	require.Len(t, dangling.ResourceRules, 2, "what all accounts may do")

	m.RulesIncomplete = "webhook authorizer does not support user rule resolution"
	require.True(t, rulesOf(t, objects, "x").Incomplete)
	require.Equal(t, m.RulesIncomplete, rulesOf(t, objects, "x").EvaluationError)

	require.Equal(t, []string{"*"}, rulesOf(t, m.Objects, "x").ResourceRules[0].Verbs, "the caller is an administrator")
}

// TestBearerMayDoWhatItsRolesSay holds every verb of a token's bearer to RBAC.
func TestBearerMayDoWhatItsRolesSay(t *testing.T) {
	m := peeringtest.NewMesh("east").Member("east")
	objects, err := m.As(m.Cluster.Endpoint, grantTo(t, m, "reader"))
	require.NoError(t, err)
	namespace := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}
	_, err = objects.List(t.Context(), &rbacv1.ClusterRole{}, "")
	require.True(t, apierrors.IsForbidden(err), err)
	require.ErrorContains(t, err, `User "system:serviceaccount:istio-system:reader" cannot list resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope`)
	_, err = objects.Update(t.Context(), namespace)
	require.True(t, apierrors.IsForbidden(err), err)
	require.True(t, apierrors.IsForbidden(objects.Delete(t.Context(), namespace)))

	_, err = m.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "all"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "roles"},
		Subjects: []rbacv1.Subject{{Kind: "Group", Name: "system:serviceaccounts"}},
	})
	require.NoError(t, err)
	_, err = m.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "roles"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"rbac.authorization.k8s.io"}, Resources: []string{"clusterroles"}, Verbs: []string{"list"}},
	}})
	require.NoError(t, err)
	found, err := objects.List(t.Context(), &rbacv1.ClusterRole{}, "")
	require.NoError(t, err)
	require.Len(t, found, 2)
}

// A reader's rights everywhere: the review is of a namespace that does not exist, where no RoleBinding can be.
func ExampleServer_rulesReview() {
	m := peeringtest.NewMesh("east").Member("east")
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "no-such-namespace"}}
	answer, err := m.Objects.Create(context.Background(), review)
	if err != nil {
		fmt.Println(err)
		return
	}
	status := answer.(*authorizationv1.SelfSubjectRulesReview).Status
	fmt.Println(status.ResourceRules[0].Verbs, status.ResourceRules[0].Resources, "incomplete:", status.Incomplete)
	// Output: [*] [*] incomplete: false
}
