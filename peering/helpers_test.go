package peering_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// pair is two members and the link from east to west: west is read.
func pair() (mesh *peeringtest.Mesh, east, west *peeringtest.Member, link peering.Link) {
	mesh = peeringtest.NewMesh("east", "west")
	east, west = mesh.Member("east"), mesh.Member("west")
	return mesh, east, west, peering.Link{From: east.Cluster, To: west.Cluster}
}

// contents of a member: every object of the kinds that peering writes, with its UID.
func contents(t *testing.T, m *peeringtest.Member) []string {
	t.Helper()
	all := map[string]bool{}
	for _, like := range []peering.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}},
		&rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
	} {
		before, after := m.Before, m.After
		m.Before, m.After = nil, nil
		found, err := m.List(t.Context(), like, "")
		m.Before, m.After = before, after
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range found {
			all[fmt.Sprintf("%T %s %s", o, o.GetName(), o.GetUID())] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func writes(m *peeringtest.Member) (n int) {
	for _, c := range m.Calls() {
		if c.Write() {
			n++
		}
	}
	return n
}

func count(m *peeringtest.Member, verb string) (n int) {
	for _, c := range m.Calls() {
		if c.Verb == verb {
			n++
		}
	}
	return n
}

// must creates an object in a member, as somebody else would.
func must(t *testing.T, m *peeringtest.Member, o peering.Object) {
	t.Helper()
	if _, err := m.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func clusterRole(t *testing.T, m *peeringtest.Member, name string) *rbacv1.ClusterRole {
	t.Helper()
	o, err := m.Get(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil {
		t.Fatal(err)
	}
	return o.(*rbacv1.ClusterRole)
}

func clusterRoleBinding(t *testing.T, m *peeringtest.Member, name string) *rbacv1.ClusterRoleBinding {
	t.Helper()
	o, err := m.Get(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil {
		t.Fatal(err)
	}
	return o.(*rbacv1.ClusterRoleBinding)
}
