package differential_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	authorizerrbac "k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"

	"github.com/meshpeer/meshpeer/rbac"
)

// attributes is the access as the API server hands it to its authorizers.
func attributes(a rbac.Access, who user.Info) authorizer.AttributesRecord {
	return authorizer.AttributesRecord{
		User: who, Verb: a.Verb, APIGroup: a.Group, Resource: a.Resource, Subresource: a.Subresource,
		Namespace: a.Namespace, Name: a.Name, Path: a.Path, ResourceRequest: a.Path == "",
	}
}

func TestAllowsAgreesWithRulesAllow(t *testing.T) {
	const ruleSets, accessesEach = 25_000, 200
	var allowed, onURLs, named int
	for seed := range uint64(ruleSets) {
		g := newGenerator(seed)
		rules := g.loose()
		for range accessesEach {
			a := g.access()
			want := authorizerrbac.RulesAllow(attributes(a, nil), rules...)
			if got := rbac.Allows(rules, a); got != want {
				t.Fatalf("rule set %d: Allows says %t, the authorizer %t: %+v under %v", seed, got, want, a, rules)
			}
			if want {
				allowed++
				if a.Path != "" {
					onURLs++
				}
				if a.Name != "" {
					named++
				}
			}
		}
	}
	const all = ruleSets * accessesEach
	t.Logf("%d of %d allowed, %d on URLs, %d with names", allowed, all, onURLs, named)
	require.Greater(t, allowed, all/20)
	require.Less(t, allowed, all/2)
	require.Greater(t, onURLs, all/50)
	require.Greater(t, named, all/50)
}

// The verdict must also be that of the whole authorizer, which finds the rules
// through a ClusterRoleBinding, and for nobody else.
func TestAllowsAgreesWithTheAuthorizer(t *testing.T) {
	meta := metav1.ObjectMeta{Name: "reader"}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reader"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "istio-system", Name: "reader"}},
	}
	reader := &user.DefaultInfo{Name: "system:serviceaccount:istio-system:reader"}
	other := &user.DefaultInfo{Name: "system:serviceaccount:default:reader"}
	for seed := range uint64(1_000) {
		g := newGenerator(seed)
		role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: g.stored()}
		_, static := validation.NewTestRuleResolver(nil, nil, []*rbacv1.ClusterRole{role}, []*rbacv1.ClusterRoleBinding{binding})
		server := authorizerrbac.New(static, static, static, static)
		for range 100 {
			a := g.access()
			got, _, err := server.Authorize(t.Context(), attributes(a, reader))
			require.NoError(t, err)
			if rbac.Allows(role.Rules, a) != (got == authorizer.DecisionAllow) {
				t.Fatalf("rule set %d: the authorizer says %v: %+v under %v", seed, got, a, role.Rules)
			}
			got, _, err = server.Authorize(t.Context(), attributes(a, other))
			require.NoError(t, err)
			require.Equal(t, authorizer.DecisionNoOpinion, got)
		}
	}
}
