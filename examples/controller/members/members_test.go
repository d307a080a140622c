package members_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/examples/controller/members"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/examples/controller/metrics"
	"github.com/meshpeer/meshpeer/peering"
)

var (
	_    mesh.Connector = (*members.Cache)(nil)
	shop                = types.NamespacedName{Namespace: "mesh", Name: "shop"}
	east                = peering.MustID("east")
)

// apiServer knows one bearer token, and namespaces by whatever name.
type apiServer struct {
	*httptest.Server
	mu    sync.Mutex
	token string
	conns map[string]bool // remote addresses
}

func newAPIServer(t *testing.T, token string) *apiServer {
	s := &apiServer{token: token, conns: map[string]bool{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns[r.RemoteAddr] = true
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
				Reason: metav1.StatusReasonUnauthorized, Code: http.StatusUnauthorized,
			})
			return
		}
		_ = json.NewEncoder(w).Encode(corev1.Namespace{TypeMeta: metav1.TypeMeta{Kind: "Namespace", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}})
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) accept(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

func (s *apiServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *apiServer) member(token string) mesh.Member {
	return mesh.Member{ID: east, Config: &rest.Config{Host: s.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: pemOf(s.Server)}}}
}

func ask(ctx context.Context, c *peering.Cluster) error {
	_, err := c.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}})
	return err
}

func TestStays(t *testing.T) {
	s := newAPIServer(t, "one")
	c := members.New(metrics.New())
	defer c.Close()
	first, err := c.Connect(t.Context(), shop, s.member("one"))
	require.NoError(t, err)
	require.NoError(t, ask(t.Context(), first))

	var refused []peering.ID
	c.Refused = func(_ types.NamespacedName, id peering.ID) { refused = append(refused, id) }
	s.accept("two")
	require.Error(t, ask(t.Context(), first))
	require.Error(t, ask(t.Context(), first))
	require.Equal(t, []peering.ID{east}, refused, "told at once, and once")
	second, err := c.Connect(t.Context(), shop, s.member("two"))
	require.NoError(t, err)
	require.Same(t, first, second, "only the bearer token changed")
	require.NoError(t, ask(t.Context(), first), "whoever holds the cluster has the new token")
	require.Equal(t, 1, s.connections(), "over the same connection")

	s.accept("three")
	require.Error(t, ask(t.Context(), first))
	require.Len(t, refused, 2)

	moved := s.member("three")
	moved.Options.Namespace = "istio-east"
	third, err := c.Connect(t.Context(), shop, moved)
	require.NoError(t, err)
	require.NotSame(t, first, third)
	require.Equal(t, "istio-east", third.Namespace)
	last, known := c.Last(shop, east)
	require.True(t, known)
	require.Same(t, third, last)
}

// TestWhatNeedsANewConnection changes one thing at a time.
func TestWhatNeedsANewConnection(t *testing.T) {
	s := newAPIServer(t, "one")
	for name, change := range map[string]func(*mesh.Member){
		"server":   func(m *mesh.Member) { m.Config.Host += "/" },
		"CA":       func(m *mesh.Member) { m.Config.CAData = append(m.Config.CAData, '\n') },
		"name":     func(m *mesh.Member) { m.Config.TLSClientConfig.ServerName = "example.com" },
		"as":       func(m *mesh.Member) { m.Config.Impersonate.UserName = "somebody" },
		"password": func(m *mesh.Member) { m.Config.BearerToken, m.Config.Username, m.Config.Password = "", "a", "b" },
		"selector": func(m *mesh.Member) { m.Options.IstiodSelector = "istio.io/rev=canary" },
		"hosted":   func(m *mesh.Member) { m.Options.Hosted = true },
	} {
		t.Run(name, func(t *testing.T) {
			c := members.New(metrics.New())
			defer c.Close()
			first, err := c.Connect(t.Context(), shop, s.member("one"))
			require.NoError(t, err)
			again, err := c.Connect(t.Context(), shop, s.member("one"))
			require.NoError(t, err)
			require.Same(t, first, again)
			m := s.member("one")
			change(&m)
			other, err := c.Connect(t.Context(), shop, m)
			require.NoError(t, err)
			require.NotSame(t, first, other)
		})
	}
}

// TestUnreachableStays: its connection, its place and its series are there as before.
func TestUnreachableStays(t *testing.T) {
	s := newAPIServer(t, "one")
	m := metrics.New()
	c := members.New(m)
	defer c.Close()
	first, err := c.Connect(t.Context(), shop, s.member("one"))
	require.NoError(t, err)
	require.NoError(t, ask(t.Context(), first))
	requireMetrics(t, m, "meshpeer_member_healthy", `cluster="east",mesh="mesh/shop"} 1`)
	s.Server.CloseClientConnections()
	s.Server.Close()
	require.Error(t, ask(t.Context(), first))
	requireMetrics(t, m, "meshpeer_member_healthy", `cluster="east",mesh="mesh/shop"} 0`)
	requireMetrics(t, m, "meshpeer_api_requests_total", `cluster="east",code="200",mesh="mesh/shop",method="GET"} 1`)

	broken := s.member("one")
	broken.Config, broken.Err = nil, context.DeadlineExceeded // and its Secret cannot be read
	_, err = c.Connect(t.Context(), shop, broken)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireMetrics(t, m, "meshpeer_member_connected", `cluster="east",mesh="mesh/shop"} 0`)
	last, known := c.Last(shop, east)
	require.True(t, known)
	require.Same(t, first, last)

	c.Keep(shop, east)
	_, known = c.Last(shop, east)
	require.True(t, known)
	c.Keep(types.NamespacedName{Namespace: "mesh", Name: "other"})
	_, known = c.Last(shop, east)
	require.True(t, known, "another mesh's members")
	c.Keep(shop)
	_, known = c.Last(shop, east)
	require.False(t, known)
	require.Zero(t, testutil.CollectAndCount(m))
}

// TestOneWaitsForNoOther: while the files of one member cannot be read, the others go on.
func TestOneWaitsForNoOther(t *testing.T) {
	s := newAPIServer(t, "one")
	c := members.New(metrics.New())
	defer c.Close()
	first, err := c.Connect(t.Context(), shop, s.member("one"))
	require.NoError(t, err)
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := mesh.Member{ID: peering.MustID("slow"), Config: &rest.Config{Host: s.URL, WrapTransport: func(rt http.RoundTripper) http.RoundTripper {
		select {
		case <-entered:
		default:
			close(entered)
		}
		<-leave
		return rt
	}}}
	done := make(chan error)
	go func() {
		_, err := c.Connect(t.Context(), shop, slow)
		done <- err
	}()
	<-entered
	same, err := c.Connect(t.Context(), shop, s.member("two"))
	require.NoError(t, err)
	require.Same(t, first, same)
	_, known := c.Last(shop, slow.ID)
	require.False(t, known)
	close(leave)
	require.NoError(t, <-done)
}

// TestManyAtOnce connects from many goroutines to one member: it is one cluster.
func TestManyAtOnce(t *testing.T) {
	s := newAPIServer(t, "one")
	c := members.New(metrics.New())
	defer c.Close()
	got := make(chan *peering.Cluster)
	for range 16 {
		go func() {
			cluster, err := c.Connect(context.Background(), shop, s.member("one"))
			if err != nil {
				t.Error(err)
			}
			got <- cluster
		}()
	}
	distinct := map[*peering.Cluster]bool{}
	for range 16 {
		distinct[<-got] = true
	}
	last, _ := c.Last(shop, east)
	require.True(t, distinct[last])
	again, err := c.Connect(t.Context(), shop, s.member("one"))
	require.NoError(t, err)
	require.Same(t, last, again)
	require.Len(t, distinct, 1)
}

// Nothing that can be printed of a cache holds a credential.
func TestNothingLeaks(t *testing.T) {
	s := newAPIServer(t, "one")
	c := members.New(metrics.New())
	defer c.Close()
	m := s.member("kept-private")
	_, err := c.Connect(t.Context(), shop, m)
	require.NoError(t, err)
	m.Config = nil
	_, err = c.Connect(t.Context(), shop, m)
	require.ErrorContains(t, err, "east")
	require.NotContains(t, err.Error(), "kept-private")
}

func pemOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func requireMetrics(t *testing.T, m prometheus.Collector, family, line string) {
	t.Helper()
	text, err := testutil.CollectAndFormat(m, expfmt.TypeTextPlain, family)
	require.NoError(t, err)
	require.Contains(t, strings.Split(string(text), "\n"), family+"{"+line)
}
