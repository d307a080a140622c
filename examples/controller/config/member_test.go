package config_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
	"github.com/meshpeer/meshpeer/secrets"
)

// options are the controller's, for either kind of credential.
func options(kind secrets.Kind) *peering.Peering {
	return &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, Credential: kind, Lifetime: time.Hour}
}

// TestWriteRights does with the rights of member/write all that the controller does to members, and needs each of them. Those of
// reader.yaml are there to be granted, not to be used.
func TestWriteRights(t *testing.T) {
	used, held := policyWithout(t, "meshpeer-controller-reader", "member/write"), policy(t, "member/write")
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, t, used, held)
		m := peeringtest.NewMesh("east", "south", "west") // of several links a cluster's objects are listed
		links := peering.Mesh(g.member(m.Member("east").Cluster), g.member(m.Member("south").Cluster), g.member(m.Member("west").Cluster))
		for _, kind := range []secrets.Kind{secrets.KindBound, secrets.KindDurable} {
			for _, object := range []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Secret"} {
				m.Member("west").Inject(peeringtest.Fault{Match: peeringtest.On("create", object), Failure: peeringtest.LostReply})
			}
			o := options(kind)
			report, err := o.Ensure(t.Context(), links...)
			require.NoError(t, err)
			require.Equal(t, probe.Passed, report.Status())
			for _, l := range report.Links {
				for _, f := range l.Findings {
					require.NotEqual(t, "caller-rights", f.ID, f)
				}
			}
			meddle(t, m.Member("west"))
			_, err = o.Ensure(t.Context(), links...)
			require.NoError(t, err, "what somebody changed is put right")
			_, err = o.Rotate(t.Context(), links...)
			require.NoError(t, err)
			report, err = o.Verify(t.Context(), links...)
			require.NoError(t, err)
			require.Equal(t, probe.Passed, report.Status())
			_, err = o.Remove(t.Context(), links...)
			require.NoError(t, err)
		}
		require.Equal(t, []string{
			"watch secrets in namespace istio-system",                                                 // members in memory cannot be watched
			"get,list,create,update,delete endpointslices.discovery.k8s.io in namespace istio-system", // the canary, with which discovery is measured
			"get configmaps named kube-root-ca.crt in namespace istio-system",                         // for an address without a CA
		}, g.unused())
	})
}

// meddle changes what can be changed of a link's objects.
func meddle(t *testing.T, m *peeringtest.Member) {
	t.Helper()
	for _, like := range []peering.Object{
		&corev1.ServiceAccount{}, &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
	} {
		if _, global := like.(*rbacv1.ClusterRole); !global {
			like.SetNamespace("istio-system")
		}
		if _, global := like.(*rbacv1.ClusterRoleBinding); global {
			like.SetNamespace("")
		}
		found, err := m.Server.List(t.Context(), like, peering.LabelManagedBy+"="+peering.ManagedBy)
		require.NoError(t, err)
		require.NotEmpty(t, found, "%T", like)
		for _, o := range found {
			o.SetLabels(map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelFrom: o.GetLabels()[peering.LabelFrom], peering.LabelTo: o.GetLabels()[peering.LabelTo]})
			switch o := o.(type) {
			case *rbacv1.ClusterRole:
				o.Rules = o.Rules[1:]
			case *rbacv1.Role:
				o.Rules = nil
			case *rbacv1.ClusterRoleBinding:
				o.Subjects = nil
			case *rbacv1.RoleBinding:
				o.Subjects = nil
			case *corev1.ServiceAccount:
				yes := true
				o.AutomountServiceAccountToken = &yes
			}
			_, err := m.Server.Update(t.Context(), o)
			require.NoError(t, err)
		}
	}
}

// TestObserveRights plans and verifies with the rights of member/observe, needs each of them, and can write nothing.
func TestObserveRights(t *testing.T) {
	p := policy(t, "member/observe")
	synctest.Test(t, func(t *testing.T) {
		m := peeringtest.NewMesh("east", "south", "west") // of several links a cluster's objects are listed
		o := options(secrets.KindBound)
		o.Tolerate = []string{"caller-rights"} // which it does not have
		g := newGuard(t, t, p, p)
		links := peering.Mesh(g.member(m.Member("east").Cluster), g.member(m.Member("south").Cluster), g.member(m.Member("west").Cluster))
		_, err := o.Plan(t.Context(), peering.Present, links[0])
		require.NoError(t, err, "of one they are read by name")
		plan, err := o.Plan(t.Context(), peering.Present, links...)
		require.NoError(t, err)
		require.Len(t, plan.Links, 6)
		for _, l := range plan.Links {
			require.Nil(t, l.Error)
			require.Greater(t, len(l.Steps), 5, "what is missing is seen")
		}

		_, err = o.Ensure(t.Context(), peering.Mesh(m.Clusters()...)...)
		require.NoError(t, err)
		plan, err = o.Plan(t.Context(), peering.Present, links...)
		require.NoError(t, err)
		require.True(t, plan.Empty())
		report, err := o.Verify(t.Context(), links...)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
		require.Equal(t, []string{
			"get secrets in namespace istio-system",                           // of a credential that another tool made
			"get configmaps named kube-root-ca.crt in namespace istio-system", // for an address without a CA
		}, g.unused())

		require.NoError(t, m.Member("east").Server.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-west"}}))
		g = newGuard(t, silent{}, p, p)
		links = peering.Mesh(g.member(m.Member("east").Cluster), g.member(m.Member("west").Cluster))
		for _, member := range m.Members() {
			member.ForgetCalls()
		}
		_, err = o.Ensure(t.Context(), links...)
		require.Error(t, err)
		for _, member := range m.Members() {
			for _, call := range member.Calls() {
				require.False(t, call.Write(), call)
			}
		}
	})
}

// TestNoWayUp: the sets lead to no more rights than they say. What they do lead to is in the table of README.md.
func TestNoWayUp(t *testing.T) {
	rbactest.NoEscalation(t, policy(t, "default"), controller, "secrets-read")
	rbactest.NoEscalation(t, policy(t, "member/observe"), controller, "secrets-read")
	rbactest.NoEscalation(t, policy(t, "member/write"), controller, "secrets-read", "token-create")
	rbactest.NoEscalation(t, policy(t, "member/write", "member/preflight"), controller, "secrets-read", "token-create")
	rbactest.NoEscalation(t, policy(t, "member/observe", "member/probe"), controller, "secrets-read", "pods-exec")
}

// TestDenied are the questions that an auditor asks.
func TestDenied(t *testing.T) {
	management, write, observe := policy(t, "default"), policy(t, "member/write"), policy(t, "member/observe")
	for _, text := range []string{"list secrets -n default", "create secrets", "update secrets", "delete leases.coordination.k8s.io", "create pods", "update meshes.meshpeer.io", "delete meshes.meshpeer.io", "create meshes.meshpeer.io"} {
		rbactest.Cannot(t, management, controller, rbactest.Access(t, text))
	}
	for _, text := range []string{"get secrets -n default", "create secrets -n default", "create serviceaccounts/token -n kube-system", "create pods", "create pods/exec", "escalate clusterroles.rbac.authorization.k8s.io", "bind clusterroles.rbac.authorization.k8s.io", "create namespaces", "update pods"} {
		rbactest.Cannot(t, write, controller, rbactest.Access(t, text))
	}
	for _, verb := range []string{"create", "update", "patch", "delete"} {
		for _, resource := range []string{"secrets", "serviceaccounts", "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io", "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"} {
			rbactest.Cannot(t, observe, controller, rbactest.Access(t, verb+" "+resource))
		}
	}
	rbactest.Cannot(t, observe, controller, rbactest.Access(t, "create serviceaccounts/token"), rbactest.Access(t, "list secrets -n default"))
}
