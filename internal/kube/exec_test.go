package kube_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/probe"
)

// streams of one command at the server. Program is what runs: it returns the exit code.
type streams struct {
	args           []string
	in             io.Reader
	out, err, fail io.WriteCloser
}

func (s streams) run(r *http.Request, program func(streams) int) {
	if s.args = r.URL.Query()["command"]; r.URL.Query().Get("stdin") != "true" {
		s.in = strings.NewReader("") // a kubelet reads what was asked for
	}
	code := program(s)
	status := metav1.Status{Status: metav1.StatusSuccess}
	if code != 0 {
		status = metav1.Status{Status: metav1.StatusFailure, Reason: "NonZeroExitCode", Details: &metav1.StatusDetails{
			Causes: []metav1.StatusCause{{Type: "ExitCode", Message: fmt.Sprint(code)}},
		}}
	}
	_ = json.NewEncoder(s.fail).Encode(status)
}

// overWebSocket serves exec as API servers since 1.30 do.
func overWebSocket(w http.ResponseWriter, r *http.Request, program func(streams) int) {
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {
		Binary: true, Channels: []wsstream.ChannelType{wsstream.ReadChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.ReadChannel},
	}})
	_, channels, err := conn.Open(w, r)
	if err != nil {
		return
	}
	defer conn.Close()
	streams{nil, channels[0], channels[1], channels[2], channels[3]}.run(r, program)
}

// overSPDY serves exec as API servers before that do.
func overSPDY(w http.ResponseWriter, r *http.Request, program func(streams) int) {
	if r.Method != http.MethodPost {
		http.Error(w, "unable to upgrade", http.StatusBadRequest)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	opened := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		go func() { <-replied; opened <- s }()
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	s := streams{}
	want := 3
	if r.URL.Query().Get("stdin") == "true" {
		want++
	}
	for range want {
		stream := <-opened
		switch stream.Headers().Get(corev1.StreamType) {
		case corev1.StreamTypeStdin:
			s.in = stream
		case corev1.StreamTypeStdout:
			s.out = stream
		case corev1.StreamTypeStderr:
			s.err = stream
		case corev1.StreamTypeError:
			s.fail = stream
		}
	}
	s.run(r, program)
	for _, stream := range []io.Closer{s.out, s.err, s.fail} {
		_ = stream.Close()
	}
	<-conn.CloseChan()
}

// container is one whose commands program runs, behind a server of the transport.
func container(t *testing.T, transport func(http.ResponseWriter, *http.Request, func(streams) int), program func(streams) int) probe.Executor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prefix/api/v1/namespaces/default/pods/sleep-1/exec" || r.URL.Query().Get("container") != "sleep" || r.URL.Query().Get("tty") != "" {
			http.NotFound(w, r)
			return
		}
		transport(w, r, program)
	}))
	t.Cleanup(server.Close)
	return kube.PodExec{Config: kube.Configure(&rest.Config{Host: server.URL + "/prefix"}, "test", rest.NoWarnings{})}.In("default", "sleep-1", "sleep")
}

var transports = map[string]func(http.ResponseWriter, *http.Request, func(streams) int){"WebSocket": overWebSocket, "SPDY": overSPDY}

func TestExec(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			big := bytes.Repeat([]byte("0123456789"), 100_000)
			in := container(t, transport, func(s streams) int {
				switch s.args[0] {
				case "cat":
					_, _ = io.CopyN(s.out, s.in, 5)
				case "big":
					_, _ = s.out.Write(big)
				case "fail":
					_, _ = io.WriteString(s.out, "said\n")
					_, _ = io.WriteString(s.err, "complained: "+s.args[1])
					return 28
				}
				return 0
			})
			out, err := in.Exec(t.Context(), probe.Command{Args: []string{"fail", "a b&c=\n%"}})
			require.NoError(t, err, "an exit code is no error")
			require.Equal(t, 28, out.ExitCode())
			require.Equal(t, "said\n", string(out.Stdout()))
			require.Equal(t, "complained: a b&c=\n%", string(out.Stderr()))

			out, err = in.Exec(t.Context(), probe.Command{Args: []string{"cat"}, Stdin: strings.NewReader("hello")})
			require.NoError(t, err)
			require.Equal(t, "hello", string(out.Stdout()))

			out, err = in.Exec(t.Context(), probe.Command{Args: []string{"big"}})
			require.NoError(t, err)
			require.True(t, bytes.Equal(big, out.Stdout()), "%d bytes", len(out.Stdout()))
			require.Empty(t, out.Stderr())

			out, err = in.Exec(t.Context(), probe.Command{Args: []string{"true"}})
			require.NoError(t, err)
			require.Zero(t, out.ExitCode())
		})
	}
}

// TestExecEndsWithTheContext although the command goes on.
func TestExecEndsWithTheContext(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			started, done := make(chan struct{}), make(chan struct{})
			in := container(t, transport, func(streams) int { close(started); <-done; return 0 })
			defer close(done)
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() { <-started; cancel(cause) }()
			_, err := in.Exec(ctx, probe.Command{Args: []string{"sleep", "infinity"}})
			require.ErrorIs(t, err, cause)
		})
	}
}

// TestExecBoundsTheOutput of a command that never stops to write.
func TestExecBoundsTheOutput(t *testing.T) {
	in := container(t, overWebSocket, func(s streams) int {
		block := make([]byte, 1<<20)
		for {
			if _, err := s.out.Write(block); err != nil {
				return 0
			}
		}
	})
	_, err := in.Exec(t.Context(), probe.Command{Args: []string{"yes"}})
	require.ErrorContains(t, err, "64 MiB")
}

// TestExecRefused: the answer is told, the command is not, for a URL in it may hold anything.
func TestExecRefused(t *testing.T) {
	const word = "squeamish-ossifrage"
	command := probe.Command{Args: []string{"curl", "http://a/?key=" + word}}
	in := container(t, func(w http.ResponseWriter, _ *http.Request, _ func(streams) int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden,
			Code: http.StatusForbidden, Message: `pods "sleep-1" is forbidden: User "u" cannot create resource "pods/exec"`,
		})
	}, nil)
	_, err := in.Exec(t.Context(), command)
	require.ErrorContains(t, err, `pods "sleep-1" is forbidden`)
	require.ErrorContains(t, err, "default/sleep-1")
	require.NotContains(t, err.Error(), word)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // SPDY: the connection dies
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	broken := kube.PodExec{Config: &rest.Config{Host: server.URL}}.In("default", "sleep-1", "sleep")
	_, err = broken.Exec(t.Context(), command)
	require.ErrorContains(t, err, "EOF")
	require.NotContains(t, err.Error(), word)

	_, err = in.Exec(t.Context(), probe.Command{})
	require.ErrorContains(t, err, "Command.Args is empty")
}
