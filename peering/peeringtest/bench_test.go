package peeringtest_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// grantTo makes a reader with its token in a member, and returns the token.
func grantTo(t testing.TB, m *peeringtest.Member, name string) secrets.Token {
	t.Helper()
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, Name: name, ServiceAccount: name, IstioVersion: "1.31"})
	if err != nil {
		t.Fatal(err)
	}
	all := reader.Objects()
	all = append(all, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name + "-1", Annotations: map[string]string{corev1.ServiceAccountNameKey: name}},
		Type:       corev1.SecretTypeServiceAccountToken,
	})
	for _, o := range all {
		if _, err := m.Create(context.Background(), o.(peering.Object)); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := m.Get(context.Background(), all[len(all)-1].(peering.Object))
	if err != nil {
		t.Fatal(err)
	}
	return secrets.NewToken(string(stored.(*corev1.Secret).Data["token"]), time.Time{})
}

// share makes the remote secret by which from reads to.
func share(t testing.TB, from, to *peeringtest.Member, token secrets.Token) *corev1.Secret {
	t.Helper()
	secret, err := secrets.Build(secrets.Remote{Cluster: to.ID.String(), Endpoint: to.Cluster.Endpoint, Token: token}, secrets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := from.Create(context.Background(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return stored.(*corev1.Secret)
}

func BenchmarkCreateAndDelete(b *testing.B) {
	m := peeringtest.NewMesh("east").Member("east")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "s", Labels: map[string]string{"a": "b", "c": "d"}},
		Data:       map[string][]byte{"key": make([]byte, 3000)},
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.Create(b.Context(), secret)
		_ = m.Delete(b.Context(), secret)
	}
}

func BenchmarkGet(b *testing.B) {
	m := peeringtest.NewMesh("east").Member("east")
	like := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-system"}}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.Get(b.Context(), like)
	}
}

// BenchmarkList selects 100 objects; how many others there are is not to matter.
func BenchmarkList(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			m := peeringtest.NewMesh("east").Member("east")
			for i := range size {
				label := "no"
				if i%(size/100) == 0 {
					label = "yes"
				}
				_, err := m.Create(b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
					Namespace: "default", Name: fmt.Sprintf("c-%d", i), Labels: map[string]string{"picked": label, "all": "yes"},
				}})
				if err != nil {
					b.Fatal(err)
				}
			}
			like := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}}
			b.ReportAllocs()
			for b.Loop() {
				found, err := m.List(b.Context(), like, "picked=yes,all=yes")
				if err != nil || len(found) != 100 {
					b.Fatal(err, len(found))
				}
			}
		})
	}
}

// peered is a mesh where the first member reads all others.
func peered(b *testing.B, size int) (*peeringtest.Mesh, *peeringtest.Member) {
	mesh := peeringtest.New(peeringtest.Options{Size: size})
	first := mesh.Members()[0]
	for _, to := range mesh.Members()[1:] {
		share(b, first, to, grantTo(b, to, "reader"))
	}
	return mesh, first
}

// BenchmarkClusterz polls a control plane that reads 99 clusters: while nothing changes, while the rights of others change
// there, and while its own do.
func BenchmarkClusterz(b *testing.B) {
	_, first := peered(b, 100)
	mesh := first
	_ = mesh
	replicas, err := first.Istiods.Replicas(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ask := func(b *testing.B) {
		body, err := replicas[0].Debug(b.Context(), "/debug/clusterz")
		if err != nil || len(body) < 5000 {
			b.Fatal(err, len(body))
		}
	}
	b.Run("idle", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ask(b)
		}
	})
	b.Run("shards", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = replicas[0].Debug(b.Context(), "/debug/endpointShardz")
		}
	})
}

// BenchmarkBusyClusterz has a binding of somebody else, or the one that matters, change before each poll.
func BenchmarkBusyClusterz(b *testing.B) {
	mesh, first := peered(b, 100)
	replicas, _ := first.Istiods.Replicas(b.Context())
	for _, name := range []string{"reader", "other"} {
		b.Run(name, func(b *testing.B) {
			binding := &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "x"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "x"},
				Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "istio-system", Name: name}},
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, m := range mesh.Members()[1:] {
					_, _ = m.Create(b.Context(), binding)
					_ = m.Delete(b.Context(), binding)
				}
				_, _ = replicas[0].Debug(b.Context(), "/debug/clusterz")
			}
		})
	}
}

func BenchmarkRulesReview(b *testing.B) {
	_, first := peered(b, 2)
	token := grantTo(b, first, "mine")
	objects, _ := first.As(first.Cluster.Endpoint, token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := objects.Create(b.Context(), rulesReview("no-such-namespace")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEnsure is the program that the kit is for: a full mesh, with every call 5 ms long.
func BenchmarkEnsure(b *testing.B) {
	for _, size := range []int{10, 40} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mesh := peeringtest.New(peeringtest.Options{Size: size, Latency: 5 * time.Millisecond})
				links := peering.Mesh(mesh.Clusters()...)
				start := time.Now()
				if _, err := new(peering.Peering).Ensure(b.Context(), links...); err != nil {
					b.Fatal(err)
				}
				calls := 0
				for _, m := range mesh.Members() {
					calls += len(m.Calls())
				}
				b.ReportMetric(float64(time.Since(start).Microseconds())/float64(len(links)), "µs/link")
				b.ReportMetric(float64(calls)/float64(len(links)), "calls/link")
			}
		})
	}
}
