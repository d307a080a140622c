//go:build linux

package e2e_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// wire is a way to an API server that can be cut, as a firewall or a load balancer does with connections.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	server, err := url.Parse(to)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", net.JoinHostPort(server.Hostname(), "0"))
	require.NoError(t, err)
	w := &wire{Listener: listener}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server.Host)
			if err != nil {
				_ = in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			go forward(in, out)
			go forward(out, in)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
	})
	return w
}

func forward(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// canaries are what looks at freshness left in a cluster.
func canaries(t *testing.T, c *peering.Cluster) []peering.Object {
	t.Helper()
	found, err := c.Objects.List(t.Context(), &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
	}, "meshpeer.io/canary")
	require.NoError(t, err)
	return found
}

// writer is To as somebody may use it who has nothing but the rights that docs/rights.md names.
func writer(t *testing.T, w *world) *peering.Cluster {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: "istio-system", Name: "canary-writer"}
	for _, o := range []peering.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"get", "list", "create", "update", "delete"},
		}}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: lab.UserLimited}},
		},
	} {
		made, err := w.clusters[0].Objects.Create(t.Context(), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, w.clusters[0].Objects.Delete(context.Background(), made)) })
	}
	config, err := w.Clusters[0].ConfigFor(lab.UserLimited)
	require.NoError(t, err)
	limited, err := peering.Connect(w.clusters[0].ID, config, peering.ConnectOptions{AllowLoopback: w.Loopback})
	require.NoError(t, err)
	return limited
}

// TestFreshness: istiods see a change in milliseconds; when their credential was revoked behind their back and their connections
// have ended, freshness is red while clusterz goes on to say synced.
func TestFreshness(t *testing.T) {
	w := sharedWorld(t)
	from, to := w.clusters[1], w.clusters[0]
	cable := newWire(t, to.Endpoint.Server)
	endpoint := to.Endpoint
	endpoint.Server = "https://" + cable.Addr().String()
	link := peering.Link{From: from, To: to, Endpoint: &endpoint}
	removeAfter(t, link)
	p := &peering.Peering{Workload: traffic.Freshness{}}
	_, err := p.Ensure(t.Context(), link)
	require.NoError(t, err)

	canary := traffic.Freshness{Within: 2 * time.Second}.Canary(link.Sides())
	t.Cleanup(func() { require.NoError(t, canary.Close(context.Background())) })
	look := func(want probe.Status) traffic.Measured {
		t.Helper()
		m := canary.Look(t.Context())
		t.Log(m.Result())
		require.Equal(t, want, m.Result().Status)
		require.Len(t, m.Replicas, 2)
		return m
	}
	for range 3 {
		after, ok := look(probe.Passed).Slowest()
		require.True(t, ok)
		require.Positive(t, after)
	}
	// Others at the same time, with the least rights.
	var wg sync.WaitGroup
	limited := writer(t, w).Side()
	for range 3 {
		wg.Go(func() {
			got := traffic.Freshness{}.Measure(t.Context(), from.Side(), limited).Result()
			assert.Equal(t, probe.Passed, got.Status, "%+v", got)
		})
	}
	wg.Wait()

	// Another probe at the same time, from inside Verify.
	verified, err := p.Verify(t.Context(), link)
	require.NoError(t, err)
	last := verified.Links[0].Results[len(verified.Links[0].Results)-1]
	require.Equal(t, traffic.FreshnessCheck, last.Check)
	require.Equal(t, probe.Passed, last.Status)
	require.Len(t, canaries(t, to), 1, "Verify's own is gone")

	// A rotation does not take the canary for a service that was lost.
	rotated, err := p.Rotate(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, rotated.Status(), "%+v", rotated.Links[0])
	look(probe.Passed)

	// The token is deleted behind istiod's back, and then its connections end.
	ref := rotated.Links[0].Credential
	o, err := from.Objects.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: secrets.SecretName(to.ID.String())}})
	require.NoError(t, err)
	remotes, err := secrets.Parse(o.(*corev1.Secret))
	require.NoError(t, err)
	bearer, err := to.As(endpoint, remotes[0].Token)
	require.NoError(t, err)
	revoked := time.Now()
	require.NoError(t, to.Objects.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}}))
	require.Eventually(t, func() bool {
		_, err := bearer.List(t.Context(), &corev1.Namespace{}, "")
		return apierrors.IsUnauthorized(err)
	}, patience, tick, "the API server does not refuse the token")
	t.Logf("401 after %s", time.Since(revoked).Round(10*time.Millisecond))
	look(probe.Passed) // watches that are open outlive their credential

	cable.cut()
	cut := time.Now()
	m := look(probe.Failed)
	t.Logf("red %s after the connections ended", time.Since(cut).Round(10*time.Millisecond))
	for _, s := range m.Replicas {
		require.False(t, s.Seen)
		require.Equal(t, istiod.Synced, s.Status, "clusterz says so still")
	}

	_, err = p.Ensure(t.Context(), link)
	require.NoError(t, err)
	look(probe.Passed)
	require.NoError(t, canary.Close(t.Context()))
	require.Empty(t, canaries(t, to))
}
