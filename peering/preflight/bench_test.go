package preflight_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/secrets"
)

// fleet is a mesh of clusters that hold a remote secret for each other, as after a first Ensure, under Istio.
type fleet []*member

type member struct {
	*memory
	side     preflight.Side
	endpoint secrets.Endpoint
}

func newFleet(n int) fleet {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	trusted := root(now.AddDate(9, 0, 0))
	all := make(fleet, n)
	for i := range all {
		id := fmt.Sprintf("cluster-%d", i)
		m := &member{memory: cluster(id, "network-"+id, trusted)}
		m.add(&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-ca-root-cert"), Data: map[string]string{"root-cert.pem": trusted}})
		m.add(istiod("istiod-1", id), istiod("istiod-2", id))
		m.add(gateway()...)
		eastwest := of[*corev1.Service](m.memory, "eastwest")
		eastwest.Labels["topology.istio.io/network"] = "network-" + id
		for j := range n {
			if j != i {
				other := fmt.Sprintf("cluster-%d", j)
				m.add(remoteSecret("istio-remote-secret-"+other, other, map[string]string{"meshpeer.io/from": id}))
			}
		}
		m.side = side(id, m.memory)
		m.side.Rules = func(context.Context, string) ([]rbacv1.PolicyRule, bool, error) {
			m.note("rules")
			return []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}}, false, nil
		}
		m.endpoint = secrets.Endpoint{Server: fmt.Sprintf("https://10.0.%d.%d:6443", i/250, i%250+1), CA: ca}
		all[i] = m
	}
	return all
}

func (m *memory) note(call string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
}

func (f fleet) link(from, to int) preflight.Input {
	return preflight.Input{
		From: f[from].side, To: f[to].side, Flavour: preflight.Upstream, Endpoint: f[to].endpoint,
		OwnLabels: map[string]string{"meshpeer.io/from": f[from].side.ID}, IstioVersions: []string{"1.30.4"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
		Now:   func() time.Time { return now },
		Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			f[to].note("dial")
			return dialLoopback(context.Background(), network, address)
		},
	}
}

// BenchmarkCheck is a link of a hundred clusters of which everything has been read.
func BenchmarkCheck(b *testing.B) {
	f := newFleet(100)
	c := preflight.NewChecker()
	check := func(i int) {
		from := i % 100
		to := (from + 1 + i/100%99) % 100
		findings, err := c.Check(b.Context(), f.link(from, to))
		require.NoError(b, err)
		require.NotEmpty(b, findings)
	}
	for i := range 200 {
		check(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		check(i)
	}
}
