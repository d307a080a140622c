//go:build linux

package traffic_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// protocols are the two that kubectl speaks.
var protocols = map[string]func(*rest.Config, *url.URL) (remotecommand.Executor, error){
	"WebSocket": func(c *rest.Config, at *url.URL) (remotecommand.Executor, error) {
		return remotecommand.NewWebSocketExecutor(c, http.MethodGet, at.String())
	},
	"SPDY": func(c *rest.Config, at *url.URL) (remotecommand.Executor, error) {
		return remotecommand.NewSPDYExecutor(c, http.MethodPost, at)
	},
}

// execute runs a command in the container sleep of a Pod of sleep.
func execute(t *testing.T, c *lab.Cluster, protocol string, o remotecommand.StreamOptions, command ...string) error {
	t.Helper()
	pod := podOf(t, c, "default", "app=sleep")
	query := url.Values{"container": {"sleep"}, "command": command}
	for name, wanted := range map[string]bool{"stdin": o.Stdin != nil, "stdout": o.Stdout != nil, "stderr": o.Stderr != nil, "tty": o.Tty} {
		if wanted {
			query.Set(name, "true")
		}
	}
	at, err := url.Parse(c.Server + "/api/v1/namespaces/default/pods/" + pod.Name + "/exec?" + query.Encode())
	require.NoError(t, err)
	executor, err := protocols[protocol](c.Config, at)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return executor.StreamWithContext(ctx, o)
}

func TestExec(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	for protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var out, complaint bytes.Buffer
			require.NoError(t, execute(t, c, protocol, remotecommand.StreamOptions{
				Stdin: strings.NewReader("from outside"), Stdout: &out, Stderr: &complaint,
			}, "sh", "-c", "cat; echo aside >&2"))
			require.Equal(t, "from outside", out.String())
			require.Equal(t, "aside\n", complaint.String())

			out.Reset()
			require.NoError(t, execute(t, c, protocol, remotecommand.StreamOptions{Stdout: &out}, "hostname"))
			require.Equal(t, podOf(t, c, "default", "app=sleep").Name+"\n", out.String())

			for want, script := range map[int]string{3: "exit 3", 137: "kill -9 $$", 7: "curl -s http://127.0.0.1:1"} {
				err := execute(t, c, protocol, remotecommand.StreamOptions{Stdout: io.Discard}, "sh", "-c", script)
				var exit utilexec.CodeExitError
				require.ErrorAs(t, err, &exit, script)
				require.Equal(t, want, exit.Code, script)
			}

			err := execute(t, c, protocol, remotecommand.StreamOptions{Stdout: io.Discard}, "no-such-program")
			require.ErrorContains(t, err, "executable file not found in $PATH")
			out.Reset()
			require.NoError(t, execute(t, c, protocol, remotecommand.StreamOptions{Stdout: &out, Tty: true}, "sh", "-c", "echo one; echo two >&2"))
			require.Equal(t, "one\ntwo\n", out.String())
		})
	}
	_, _, _, err := c.Exec(t.Context(), "default", podOf(t, c, "default", "app=sleep").Name, "nobody", "true")
	require.ErrorContains(t, err, "nobody")
}

// A process that was started by exec and left behind does not outlive its Pod, nor does it keep the caller waiting.
func TestExecLeavesAChild(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	var out bytes.Buffer
	began := time.Now()
	require.NoError(t, execute(t, c, "WebSocket", remotecommand.StreamOptions{Stdout: &out}, "sh", "-c", "sleep 40 & echo gone"))
	require.Equal(t, "gone\n", out.String())
	require.Less(t, time.Since(began), 30*time.Second, "it waited for the child")
}

func TestLogs(t *testing.T) {
	c := sharedLab(t).Clusters[0]
	name := podOf(t, c, "default", "app=httpbin").Name
	lines := func(o corev1.PodLogOptions) string {
		data, err := clientset(t, c).CoreV1().Pods("default").GetLogs(name, &o).DoRaw(t.Context())
		require.NoError(t, err)
		return string(data)
	}
	all := lines(corev1.PodLogOptions{Container: "istio-proxy"})
	require.Contains(t, all, "connected to delta upstream XDS server: istiod.istio-system.svc:15012")
	require.Equal(t, 2, strings.Count(lines(corev1.PodLogOptions{Container: "istio-proxy", TailLines: new(int64(2))}), "\n"))
	require.Len(t, lines(corev1.PodLogOptions{Container: "istio-proxy", LimitBytes: new(int64(10))}), 10)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	followed, err := clientset(t, c).CoreV1().Pods("default").GetLogs(name, &corev1.PodLogOptions{Container: "istio-proxy", Follow: true}).Stream(ctx)
	require.NoError(t, err)
	defer followed.Close()
	beginning := make([]byte, 100)
	_, err = io.ReadFull(followed, beginning)
	require.NoError(t, err)
	require.Equal(t, all[:100], string(beginning))
}

func TestPortForward(t *testing.T) {
	c := sharedLab(t).Clusters[1]
	at, err := url.Parse(fmt.Sprintf("%s/api/v1/namespaces/default/pods/%s/portforward", c.Server, podOf(t, c, "default", "app=httpbin").Name))
	require.NoError(t, err)
	websocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, c.Config)
	require.NoError(t, err)
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	require.NoError(t, err)
	for name, dialer := range map[string]httpstream.Dialer{
		"WebSocket": websocket, "SPDY": spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at),
	} {
		t.Run(name, func(t *testing.T) {
			stop, ready := make(chan struct{}), make(chan struct{})
			forwarder, err := portforward.NewForStreaming(dialer, []string{"0:8080", "0:15020"}, stop, ready, io.Discard, io.Discard)
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() { ended <- forwarder.ForwardPorts() }()
			select {
			case <-ready:
			case err := <-ended:
				require.NoError(t, err)
			}
			ports, err := forwarder.GetPorts()
			require.NoError(t, err)
			for i, path := range []string{"/env", "/healthz/ready"} {
				response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", ports[i].Local, path))
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				require.Equal(t, http.StatusOK, response.StatusCode)
				require.True(t, i == 1 || strings.Contains(string(body), `"cluster-2"`), string(body))
			}
			close(stop)
			require.NoError(t, <-ended)
		})
	}
}
