package istiod

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is an istiod behind a dialer: each connection ends in a server of its own.
type pod struct {
	mu     sync.Mutex
	uid    string
	dials  int
	conns  []*conn
	refuse error
	serve  http.HandlerFunc
}

// conn is the watcher's end of a connection. A broken one takes some of what is written, and no more.
type conn struct {
	net.Conn
	mu     sync.Mutex
	broken error
	closed bool
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return 3, c.broken
	}
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.Conn.Close()
}

func (p *pod) list(context.Context, string, string) ([]*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod-1", UID: types.UID(p.uid), Labels: map[string]string{"app": "istiod"}}}}, nil
}

func (p *pod) dial(context.Context, string, string, int) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials++
	if p.refuse != nil {
		return nil, p.refuse
	}
	near, far := net.Pipe()
	c := &conn{Conn: near}
	p.conns = append(p.conns, c)
	go func() { _ = http.Serve(&once{conn: far}, p) }()
	return c, nil
}

func (p *pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	serve := p.serve
	p.mu.Unlock()
	serve(w, r)
}

func (p *pod) answer(serve http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve = serve
}

// open is how many connections are.
func (p *pod) open() (open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.mu.Lock()
		if !c.closed {
			open++
		}
		c.mu.Unlock()
	}
	return open
}

// once is a listener of one connection.
type once struct {
	conn net.Conn
	used bool
}

func (o *once) Accept() (net.Conn, error) {
	if o.used {
		return nil, io.EOF
	}
	o.used = true
	return o.conn, nil
}
func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }

func clusterz(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `[{"id":"west","secretName":"istio-system/west","syncStatus":"synced"}]`+strings.Repeat(" ", 10_000))
}

func TestKeptTunnel(t *testing.T) {
	lost := errors.New("lost connection to pod")
	for name, c := range map[string]struct {
		between func(*pod, Replica) // two requests
		dials   int
		err     string
	}{
		"kept":          {func(*pod, Replica) {}, 1, ""},
		"just kept":     {func(*pod, Replica) { time.Sleep(kept - time.Second) }, 1, ""},
		"idle":          {func(p *pod, _ Replica) { time.Sleep(kept + time.Second); require.Zero(t, p.open()) }, 2, ""},
		"closed":        {func(p *pod, r Replica) { r.Close(); synctest.Wait(); require.Zero(t, p.open()) }, 2, ""},
		"ended by peer": {func(p *pod, _ Replica) { p.conns[0].Conn.Close() }, 2, ""},
		"broken while it takes a request": {func(p *pod, _ Replica) {
			p.conns[0].mu.Lock()
			p.conns[0].broken = lost
			p.conns[0].mu.Unlock()
		}, 2, ""},
		"broken before it answers": {func(p *pod, _ Replica) {
			p.answer(func(http.ResponseWriter, *http.Request) {
				p.answer(clusterz)
				panic(http.ErrAbortHandler) // after it took the request
			})
		}, 2, ""},
		"broken, and the new one too": {func(p *pod, _ Replica) {
			p.conns[0].Conn.Close()
			p.refuse = errors.New("pod not found")
		}, 2, "not ready: pod not found"},
		"refused by istiod": {func(p *pod, _ Replica) {
			p.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		}, 1, "audience istio-ca"},
		"failed in istiod": {func(p *pod, _ Replica) {
			p.answer(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusNotFound) })
		}, 1, "HTTP 404"},
		"hung": {func(p *pod, r Replica) {
			p.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := r.Clusterz(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
			require.Zero(t, p.open())
			p.answer(clusterz)
		}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which ends only when all goroutines have
				p := &pod{serve: clusterz}
				replicas, err := Pods{List: p.list, Dial: p.dial}.Replicas(t.Context())
				require.NoError(t, err)
				r := replicas[0]
				_, err = r.Clusterz(t.Context())
				require.NoError(t, err)
				synctest.Wait()
				require.Equal(t, 1, p.open())
				c.between(p, r)
				synctest.Wait()
				clusters, err := r.Clusterz(t.Context())
				if c.err == "" {
					require.NoError(t, err)
					require.Equal(t, []RemoteCluster{{ID: "west", Secret: "istio-system/west", Status: Synced}}, clusters)
				} else {
					require.ErrorIs(t, err, ErrNotReady)
					require.ErrorContains(t, err, c.err)
				}
				require.Equal(t, c.dials, p.dials)
				time.Sleep(kept + time.Second)
				synctest.Wait()
				require.Zero(t, p.open())
			})
		})
	}
}

// TestTunnelOfWatcher is kept while replicas are listed again, and ends with the watcher or with its Pod.
func TestTunnelOfWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pod{serve: clusterz, uid: "1"}
		w := NewWatcher(Pods{List: p.list, Dial: p.dial})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		views, err := w.Await(ctx, Want{Cluster: "west", Status: NotSeen}, nil)
		require.NoError(t, err)
		require.Equal(t, "istiod-1 synced", look(views))
		require.Equal(t, 1, p.dials)
		p.mu.Lock()
		p.uid = "2"
		p.mu.Unlock()
		w.Refresh()
		_, err = w.Look(t.Context(), Want{Cluster: "west", Status: Synced})
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 2, p.dials)
		require.Equal(t, 1, p.open())
		w.Close()
		synctest.Wait()
		require.Zero(t, p.open())
	})
}

func TestDebugReadsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pod{serve: clusterz}
		replicas, err := Pods{List: p.list, Dial: p.dial}.Replicas(t.Context())
		require.NoError(t, err)
		defer replicas[0].Close()
		text, err := replicas[0].Debug(t.Context(), "/debug/clusterz")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), `[{"id":"west"`))
		require.Greater(t, len(text), 10_000)
	})
}

// TestConnect: the connection is there before somebody asks, and it is the only one, also for those who come meanwhile.
func TestConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pod{uid: "1"}
		p.answer(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			clusterz(w, r)
		})
		w := NewWatcher(Pods{List: p.list, Dial: p.dial})
		w.Connect() // nobody is known yet
		_, err := w.Replicas(t.Context())
		require.NoError(t, err)
		require.Zero(t, p.dials)
		w.Connect()
		w.Connect()
		synctest.Wait()
		require.Equal(t, 1, p.dials)
		views, err := w.Look(t.Context(), Want{Cluster: "west", Status: Synced})
		require.NoError(t, err)
		require.Equal(t, "istiod-1 synced", look(views))
		require.Equal(t, 1, p.dials)
		w.Close()
		synctest.Wait()
		require.Zero(t, p.open())
		w.Connect()
		synctest.Wait()
		require.Equal(t, 1, p.dials)
	})
}
