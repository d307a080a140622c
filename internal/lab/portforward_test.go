//go:build linux

package lab_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// forward opens pods/portforward to port 15014 of an istiod with one of client-go's dialers.
func forward(t *testing.T, i *lab.Istiod, c *rest.Config, websocket bool) (httpstream.Connection, error) {
	t.Helper()
	at, err := url.Parse(c.Host + "/api/v1/namespaces/istio-system/pods/" + i.Name + "/portforward")
	require.NoError(t, err)
	var dialer httpstream.Dialer
	if websocket {
		dialer, err = portforward.NewSPDYOverWebsocketDialerForStreaming(at, c)
		require.NoError(t, err)
	} else {
		transport, upgrader, err := spdy.RoundTripperFor(c)
		require.NoError(t, err)
		dialer = spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	}
	conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	return conn, err
}

// getThrough sends one HTTP request through a forwarded connection and returns whatever comes back: the reply, the text of
// the error stream, or that a stream was reset, which is how a kubelet says that nobody listens (the text may be lost).
func getThrough(t *testing.T, conn httpstream.Connection, port int, path string) string {
	t.Helper()
	header := http.Header{}
	header.Set("port", fmt.Sprint(port))
	header.Set("requestID", "0")
	header.Set("streamType", "error")
	failures, err := conn.CreateStream(header)
	require.NoError(t, err)
	require.NoError(t, failures.Close())
	header.Set("streamType", "data")
	data, err := conn.CreateStream(header)
	require.NoError(t, err)
	_, err = fmt.Fprintf(data, "GET %s HTTP/1.0\r\n\r\n", path)
	require.NoError(t, err)
	reply, err := io.ReadAll(data)
	complaint, silence := io.ReadAll(failures)
	return fmt.Sprintf("%s%s%v%v", reply, complaint, err, silence)
}

func TestPortForward(t *testing.T) {
	l := defaultLab(t)
	for name, websocket := range map[string]bool{"WebSocket": true, "SPDY": false} {
		t.Run(name, func(t *testing.T) {
			for _, istiod := range l.Cluster("cluster-2").Istiods {
				conn, err := forward(t, istiod, istiod.Cluster.Config, websocket)
				require.NoError(t, err)
				defer conn.Close()
				require.Contains(t, getThrough(t, conn, 15014, "/debug/clusterz"), `{"id":"cluster-2","secretName":"","syncStatus":"synced"}`)
				require.Contains(t, getThrough(t, conn, 8080, "/ready"), "200 OK")
				require.NotContains(t, getThrough(t, conn, 15999, "/"), "HTTP/")
			}
		})
	}
	t.Run("a user without rights", func(t *testing.T) {
		istiod := l.Clusters[0].Istiods[0]
		limited, err := istiod.Cluster.ConfigFor(lab.UserLimited)
		require.NoError(t, err)
		_, err = forward(t, istiod, limited, false)
		require.ErrorContains(t, err, "forbidden")
	})
	t.Run("the node agent without a certificate", func(t *testing.T) {
		c := l.Clusters[0]
		node := nodeURL(t, c)
		config, err := c.ConfigFor(lab.UserAdmin)
		require.NoError(t, err)
		client, err := rest.HTTPClientFor(config)
		require.NoError(t, err)
		client.Timeout = 5 * time.Second
		_, err = client.Get(node + "/portForward/istio-system/istiod-1")
		require.ErrorContains(t, err, "certificate required")
	})
}
