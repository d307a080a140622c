package rbac_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// What istiod of each minor lists and watches in a remote cluster: read in its source, branch by branch.
func TestMinimalByVersion(t *testing.T) {
	always := []string{
		"namespaces", "nodes", "pods", "services", "secrets", "endpointslices.discovery.k8s.io", "customresourcedefinitions.apiextensions.k8s.io",
		"gateways.gateway.networking.k8s.io", "workloadentries.networking.istio.io",
	}
	for minor := 19; minor <= 31; minor++ {
		t.Run(fmt.Sprintf("1.%d", minor), func(t *testing.T) {
			o := rbac.Options{Profile: rbac.Minimal, IstioVersion: fmt.Sprintf("1.%d.3", minor)}
			reader := render(t, o)
			want := always
			if minor == 26 {
				want = append(slices.Clone(always), "configmaps")
			}
			var limit []rbacv1.PolicyRule
			for _, resource := range want {
				for _, verb := range []string{"list", "watch"} {
					a := rbactest.Access(t, verb+" "+resource)
					rbactest.Allows(t, reader.ClusterRole.Rules, a)
					limit = append(limit, rule(l(verb), l(a.Group), l(a.Resource)))
				}
			}
			rbactest.NoWiderThan(t, reader.ClusterRole.Rules, limit)

			require.Equal(t, minor >= 29, reader.Role != nil)
			require.Equal(t, minor >= 29, reader.RoleBinding != nil)
			if minor >= 29 {
				require.Equal(t, []rbacv1.PolicyRule{rule(l("list", "watch"), l(""), l("configmaps"), "istio")}, reader.Role.Rules)
			}
			for _, r := range explain(t, o) {
				if minor == 29 || minor == 31 {
					require.Contains(t, r.Evidence, "ran on the lab")
				} else {
					require.Equal(t, fmt.Sprintf("read in the source of Istio 1.%d", minor), r.Evidence)
				}
			}
			if minor == 29 || minor == 31 {
				require.Empty(t, reader.Warnings)
			} else {
				require.Equal(t, []string{fmt.Sprintf(`the rules of profile minimal for IstioVersion "1.%d.3" were read in the source of Istio 1.%[1]d and have not been run with it`, minor)}, reader.Warnings)
			}
		})
	}
}

// The right to the mesh configuration ends at the ConfigMaps of the revisions that read.
func TestMinimalReadsOneConfigMapOfEachRevision(t *testing.T) {
	for name, tc := range map[string]struct {
		o         rbac.Options
		namespace string
		names     []string
	}{
		"defaults":         {rbac.Options{}, "istio-system", l("istio")},
		"other namespace":  {rbac.Options{Namespace: "mesh"}, "mesh", l("istio")},
		"system namespace": {rbac.Options{Namespace: "readers", SystemNamespace: "istio-prod"}, "istio-prod", l("istio")},
		"canary":           {rbac.Options{Revision: "canary"}, "istio-system", l("istio-canary")},
		"revisions":        {rbac.Options{Revision: "x", Revisions: l("canary", "", "1-30", "default", "canary")}, "istio-system", l("istio", "istio-1-30", "istio-canary")},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Profile, tc.o.ServiceAccount, tc.o.Labels = rbac.Minimal, "reader", map[string]string{"team": "mesh"}
			reader := render(t, tc.o)
			require.Equal(t, tc.namespace, reader.Role.Namespace)
			require.Equal(t, reader.ClusterRole.Name, reader.Role.Name)
			require.Equal(t, tc.names, reader.Role.Rules[0].ResourceNames)
			require.Equal(t, rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: reader.Role.Name}, reader.RoleBinding.RoleRef)
			require.Equal(t, tc.namespace, reader.RoleBinding.Namespace)
			require.Equal(t, reader.ClusterRoleBinding.Subjects, reader.RoleBinding.Subjects)
			require.Equal(t, reader.ServiceAccount.Namespace, reader.RoleBinding.Subjects[0].Namespace)
			require.Equal(t, reader.ClusterRole.Labels, reader.Role.Labels)
			require.Equal(t, reader.ClusterRole.Labels, reader.RoleBinding.Labels)

			rules := rbactest.RulesOf(t, reader.RoleBinding, reader.Role)
			for _, configMap := range tc.names {
				rbactest.Allows(t, rules, rbactest.Access(t, "watch configmaps "+configMap), rbactest.Access(t, "list configmaps "+configMap))
			}
			rbactest.Denies(t, rules, rbactest.Access(t, "list configmaps"), rbactest.Access(t, "list configmaps other"), rbactest.Access(t, "get configmaps"))
			rbactest.Denies(t, reader.ClusterRole.Rules, rbactest.Access(t, "list configmaps istio -n istio-system"))
		})
	}
}

func TestOnlyMinimalHasARole(t *testing.T) {
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane} {
		reader := render(t, rbac.Options{Profile: profile, SystemNamespace: "mesh", Revisions: l("canary")})
		require.Nil(t, reader.Role)
		require.Nil(t, reader.RoleBinding)
		require.Len(t, reader.Objects(), 3)
	}
}

func TestNamespacesOfKubernetesAreWarnedOf(t *testing.T) {
	for _, namespace := range []string{"kube-system", "kube-public"} {
		require.Equal(t, []string{"the account is in namespace " + namespace + ", which belongs to Kubernetes: use the namespace of Istio"}, render(t, rbac.Options{Namespace: namespace}).Warnings)
	}
}
