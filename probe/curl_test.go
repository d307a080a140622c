package probe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// hereby runs commands on this machine as a workload would.
var hereby = probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
	var out, stderr bytes.Buffer
	command := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = c.Stdin, &out, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return probe.NewOutput(command.ProcessState.ExitCode(), out.Bytes(), stderr.Bytes()), err
})

func TestCurlArguments(t *testing.T) {
	var got probe.Command
	in := probe.ExecutorFunc(func(_ context.Context, c probe.Command) (probe.Output, error) {
		got = c
		return probe.NewOutput(0, []byte("HTTP/1.1 200 OK\r\n\r\n\nmeshpeer-probe-answer 200 0.004"), nil), nil
	})
	_, err := probe.Curl{In: in}.Send(t.Context(), probe.Request{
		URL: "http://httpbin:8000/headers?a=b", Timeout: 1500 * time.Millisecond, Header: http.Header{"X-B": {"1", ""}, "Host": {"other"}},
	})
	require.NoError(t, err)
	require.Nil(t, got.Stdin)
	require.Equal(t, []string{
		"curl", "-sS", "-i", "-g", "-o", "-", "--noproxy", "*", "--max-time", "1.500",
		"-w", "\nmeshpeer-probe-answer %{http_code} %{time_total}",
		"-H", "Host: other", "-H", "X-B: 1", "-H", "X-B;", "http://httpbin:8000/headers?a=b",
	}, got.Args)

	synctest.Test(t, func(t *testing.T) { // the time that is left bounds curl too
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := probe.Curl{In: in}.Send(ctx, probe.Request{URL: "http://httpbin:8000"})
		require.NoError(t, err)
		require.Equal(t, "1.800", got.Args[9])
	})
	_, err = probe.Curl{}.Send(t.Context(), probe.Request{URL: "http://httpbin:8000"})
	require.EqualError(t, err, "Curl.In: it is not set; give an Executor for the workload to ask from")
}

func TestCurlReadsAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, out string
		want      probe.Response
		err       string
	}{
		{
			"plain", "HTTP/1.1 418 I'm a teapot\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody\nmeshpeer-probe-answer 418 0.25",
			probe.NewResponse(418, http.Header{"X-A": {"1", "2"}}, []byte("body"), 250*time.Millisecond),
			"",
		},
		{
			"no reason, no headers, comma", "HTTP/2 200\r\n\r\n\nmeshpeer-probe-answer 200 0,5\n",
			probe.NewResponse(200, http.Header{}, nil, 500*time.Millisecond),
			"",
		},
		{
			"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nA: b\r\n\r\n\nmeshpeer-probe-answer 204 0",
			probe.NewResponse(204, http.Header{"A": {"b"}}, nil, 0),
			"",
		},
		{
			"a body that pretends", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n\nmeshpeer-probe-answer 500 9\nHTTP/1.1 500\r\n\r\n\nmeshpeer-probe-answer 200 0",
			probe.NewResponse(200, http.Header{"A": {"b"}}, []byte("\nmeshpeer-probe-answer 500 9\nHTTP/1.1 500\r\n\r\n"), 0),
			"",
		},
		{"nothing", "", probe.Response{}, "it does not end with its trailer"},
		{"cut trailer", "HTTP/1.1 200 OK\r\n\r\n\nmeshpeer-probe-answer 200", probe.Response{}, "the trailer has 1 fields, not 2"},
		{"odd trailer", "HTTP/1.1 200 OK\r\n\r\n\nmeshpeer-probe-answer 2oo 1", probe.Response{}, "holds no status and time"},
		{"endless header", "HTTP/1.1 200 OK\r\n\nmeshpeer-probe-answer 200 1", probe.Response{}, "the header block has no end"},
		{"no status line", "<html>\r\n\r\n\nmeshpeer-probe-answer 200 1", probe.Response{}, "it has no status line"},
		{"two stories", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n\nmeshpeer-probe-answer 503 1", probe.Response{}, "status line says 200, trailer 503"},
		{"odd header", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n\nmeshpeer-probe-answer 200 1", probe.Response{}, "a header line is malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := probe.Curl{In: prints(0, tt.out, "")}.Send(t.Context(), probe.Request{URL: "http://httpbin"})
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			sameResponse(t, tt.want, got)
		})
	}
}

func TestCurlNamesCauses(t *testing.T) {
	for _, tt := range []struct {
		exit   int
		stderr string
		want   probe.Kind
	}{
		{6, "curl: (6) Could not resolve host: httpbin", probe.KindDNS},
		{7, "curl: (7) Failed to connect to httpbin port 8000: Connection refused", probe.KindRefused},
		{7, "curl: (7) Failed to connect: Connection timed out", probe.KindConnectTimeout},
		{28, "curl: (28) Operation timed out", probe.KindTimeout},
		{35, "curl: (35) wrong version number", probe.KindTLS},
		{60, "curl: (60) SSL certificate problem", probe.KindTLS},
		{52, "curl: (52) Empty reply from server", probe.KindEmpty},
		{56, "curl: (56) Recv failure: Connection reset by peer", probe.KindReset},
		{126, "permission denied", probe.KindNoCurl},
		{127, "sh: curl: not found", probe.KindNoCurl},
		{3, "curl: (3) URL rejected", probe.KindOther},
	} {
		_, err := probe.Curl{In: prints(tt.exit, "", "warning\n"+tt.stderr+"\n")}.Send(t.Context(), probe.Request{URL: "http://httpbin:8000/a?q=1"})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, tt.want, failed.Kind, tt.stderr)
		require.EqualError(t, err, fmt.Sprintf("probe: GET http://httpbin:8000/a: exit code %d: %s", tt.exit, tt.stderr))
	}
	for _, tt := range []struct {
		text string
		want probe.Kind
		says string
	}{
		{`pods "sleep-1" is forbidden: User "x" cannot create resource "pods/exec"`, probe.KindForbidden, "is forbidden"},
		{`OCI runtime exec failed: exec: "curl": executable file not found in $PATH`, probe.KindNoCurl, "not found"},
		{`Post "https://user:hunter2@10.0.0.1/api/exec?command=hunter2": dial tcp: i/o timeout`, probe.KindExec, `Post "https://10.0.0.1/api/exec": dial`},
		{"context deadline exceeded", probe.KindExec, "exec: context deadline exceeded"},
		{strings.Repeat("long ", 100), probe.KindExec, "…"},
	} {
		cause := errors.New(tt.text)
		in := probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) { return probe.Output{}, cause })
		_, err := probe.Curl{In: in}.Send(t.Context(), probe.Request{URL: "http://httpbin"})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, tt.want, failed.Kind, tt.text)
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, tt.says)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// The curl of this machine against a real server: the arguments mean what they should.
func TestRealCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine")
	}
	server := httptest.NewServer(httpbin())
	defer server.Close()
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	curl := probe.Curl{In: hereby}
	require.Equal(t, probe.Passed, probe.Teapot{From: curl, URL: server.URL}.Probe(t.Context()).Status)
	for _, path := range []string{"/echo?a={1}", "/hints", "/moved"} {
		request := probe.Request{URL: server.URL + path, Header: http.Header{"Host": {"httpbin"}, "X-Asked": {"1"}}}
		got, err := curl.Send(t.Context(), request)
		require.NoError(t, err)
		want, err := probe.Direct{}.Send(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, want.Status(), got.Status())
		require.Equal(t, string(want.Body()), string(got.Body()))
		require.Equal(t, want.Header().Get("X-Seen"), got.Header().Get("X-Seen"))
		require.Positive(t, got.Took())
	}
	for path, kind := range map[string]probe.Kind{"/empty": probe.KindEmpty, "/slow": probe.KindTimeout} {
		_, err := curl.Send(t.Context(), probe.Request{URL: server.URL + path, Timeout: 100 * time.Millisecond})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, kind, failed.Kind)
	}
}

func FuzzCurl(f *testing.F) {
	f.Add("HTTP/1.1 418 I'm a teapot\r\nX-A: 1\r\n\r\nbody\nmeshpeer-probe-answer 418 0.25")
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/2 200\r\n\r\n\nmeshpeer-probe-answer 200 0,1")
	f.Add("\nmeshpeer-probe-answer 0 0")
	f.Fuzz(func(t *testing.T, out string) {
		got, err := probe.Curl{In: prints(0, out, "")}.Send(t.Context(), probe.Request{URL: "http://httpbin"})
		if err == nil {
			require.GreaterOrEqual(t, got.Status(), 100)
			require.GreaterOrEqual(t, got.Took(), time.Duration(0))
			require.Contains(t, out, string(got.Body()))
		}
	})
}
