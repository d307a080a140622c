package kube_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// soon fails the test if what is waited for does not come.
func soon[T any](t *testing.T, what string, from <-chan T) {
	t.Helper()
	select {
	case <-from:
	case <-time.After(10 * time.Second):
		t.Fatal(what + " does not come")
	}
}

func dialer(t *testing.T, serve http.HandlerFunc) kube.PodDialer {
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return kube.PodDialer{Config: kube.Configure(&rest.Config{Host: server.URL}, "test", rest.NoWarnings{})}
}

// TestDialPod keeps a connection for more than one exchange; its end is the server's too.
func TestDialPod(t *testing.T) {
	ended := make(chan struct{})
	d := dialer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // no WebSocket
			http.Error(w, "unable to upgrade", http.StatusBadRequest)
			return
		}
		if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
			return
		}
		conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
			if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeData && s.Headers().Get(corev1.PortHeader) == "15014" {
				go func() { <-replied; _, _ = io.Copy(s, s) }()
			}
			return nil
		})
		<-conn.CloseChan()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := d.Dial(ctx, "istio-system", "istiod-1", 15014)
	require.NoError(t, err)
	cancel()
	for _, word := range []string{"first", "second"} {
		_, err = io.WriteString(conn, word)
		require.NoError(t, err)
		answer := make([]byte, len(word))
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err)
		require.Equal(t, word, string(answer))
	}
	require.NoError(t, conn.Close())
	soon(t, "the end of the connection", ended)
}

// TestDialPodInVain leaves no connection behind at an API server that takes it and says nothing.
func TestDialPodInVain(t *testing.T) {
	begun, left := make(chan struct{}), make(chan struct{})
	d := dialer(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(left)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := d.Dial(ctx, "istio-system", "istiod-1", 15014)
	require.Error(t, err) // of the context, or of a read that it ended
	soon(t, "the request", begun)
	soon(t, "the end of the request", left)
}
