package probe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// look is an Identity whose header matched: the control alone decides.
func look(control probe.Sender) probe.Identity {
	return probe.Identity{From: says(200, golang(seenXFCC)), URL: "http://httpbin:8000", Client: sleepID, Server: httpbinID, Control: control}
}

func proofOf(t *testing.T, i probe.Identity) probe.Peers {
	t.Helper()
	peers, err := i.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, peers.Proof == probe.Proved, peers.Hint == "", peers)
	return peers
}

// TestOnlySilenceIsARefusal: one byte of an answer and the server did take the plain text.
func TestOnlySilenceIsARefusal(t *testing.T) {
	const trailer = "\nmeshpeer-probe-answer 000 0.004"
	sender := func(got probe.Response, err error) probe.Sender {
		return probe.SenderFunc(func(context.Context, probe.Request) (probe.Response, error) { return got, err })
	}
	reset := &probe.RequestError{Kind: probe.KindReset}
	read := func(err error) error {
		return &probe.RequestError{Kind: probe.KindReset, Err: &net.OpError{Op: "read", Err: err}}
	}
	dial := func(err error) error {
		return &probe.RequestError{Kind: probe.KindReset, Err: &net.OpError{Op: "dial", Err: err}}
	}
	block := "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"
	for name, tt := range map[string]struct {
		control probe.Sender
		want    probe.Proof
	}{
		"curl 52":                      {probe.Curl{In: prints(52, trailer, "curl: (52) Empty reply from server")}, probe.Proved},
		"curl 56":                      {probe.Curl{In: prints(56, trailer, "curl: (56) Recv failure: Connection reset by peer")}, probe.Proved},
		"curl 55":                      {probe.Curl{In: prints(55, trailer, "curl: (55) Send failure: Broken pipe")}, probe.Proved},
		"a joined reset":               {sender(probe.Response{}, errors.Join(reset, &probe.RequestError{Kind: probe.KindEmpty})), probe.Proved},
		"a reset, and a cut answer":    {sender(probe.Response{}, errors.Join(reset, &probe.RequestError{Kind: probe.KindTruncated})), probe.Observed},
		"a reset, and a timeout":       {sender(probe.Response{}, fmt.Errorf("%w; then %w", reset, &probe.RequestError{Kind: probe.KindTimeout})), probe.Observed},
		"curl 56 without any output":   {probe.Curl{In: prints(56, "", "curl: (56) Recv failure: Connection reset by peer")}, probe.Proved},
		"curl 56 after a header block": {probe.Curl{In: prints(56, block+strings.Replace(trailer, "000", "200", 1), "curl: (56) Recv failure")}, probe.Observed},

		"curl 56 after a header block, cut short": {probe.Curl{In: prints(56, block, "curl: (56) Recv failure")}, probe.Observed},
		"curl 56 after a byte":                    {probe.Curl{In: prints(56, "H"+trailer, "curl: (56) Recv failure")}, probe.Observed},
		"curl 52 after an interim answer":         {probe.Curl{In: prints(52, "HTTP/1.1 100 Continue\r\n\r\n"+strings.Replace(trailer, "000", "100", 1), "curl: (52) Empty reply from server")}, probe.Observed},
		"curl 52 with a status alone":             {probe.Curl{In: prints(52, strings.Replace(trailer, "000", "200", 1), "curl: (52) Empty reply from server")}, probe.Observed},
		"curl 56 of TLS":                          {probe.Curl{In: prints(56, trailer, "curl: (56) OpenSSL SSL_read: Connection reset by peer, errno 104")}, probe.Observed},
		"curl 56 that timed out":                  {probe.Curl{In: prints(56, trailer, "curl: (56) Recv failure: Connection timed out")}, probe.Observed},
		"curl 56 of a proxy":                      {probe.Curl{In: prints(56, trailer, "curl: (56) Received HTTP code 503 from proxy after CONNECT")}, probe.Observed},
		"a reset, as the time was over":           {sender(probe.Response{}, &probe.RequestError{Kind: probe.KindReset, Err: context.DeadlineExceeded}), probe.Observed},
		"a reset, as the caller gave up":          {sender(probe.Response{}, &probe.RequestError{Kind: probe.KindEmpty, Err: context.Canceled}), probe.Observed},
		"curl 18":                                 {probe.Curl{In: prints(18, block+"{"+strings.Replace(trailer, "000", "200", 1), "curl: (18) transfer closed")}, probe.Observed},
		"curl 18 without output":                  {probe.Curl{In: prints(18, trailer, "curl: (18) transfer closed")}, probe.Observed},
		"curl 28 after a header block":            {probe.Curl{In: prints(28, block+trailer, "curl: (28) Operation timed out")}, probe.Observed},
		"curl 92":                                 {probe.Curl{In: prints(92, trailer, "curl: (92) HTTP/2 stream 1 was not closed cleanly")}, probe.Observed},
		"curl 92 after a header block":            {probe.Curl{In: prints(92, block+trailer, "curl: (92) HTTP/2 stream 1 was not closed cleanly")}, probe.Observed},
		"curl 1, HTTP/0.9":                        {probe.Curl{In: prints(1, trailer, "curl: (1) Received HTTP/0.9 when not allowed")}, probe.Observed},
		"an older curl, HTTP/0.9":                 {probe.Curl{In: prints(0, "hello"+trailer, "")}, probe.Observed},
		"curl 35":                                 {probe.Curl{In: prints(35, trailer, "curl: (35) Connection reset by peer")}, probe.Observed},
		"curl 7":                                  {probe.Curl{In: prints(7, trailer, "curl: (7) Connection refused")}, probe.Observed},
		"curl 6":                                  {probe.Curl{In: prints(6, trailer, "curl: (6) Could not resolve host")}, probe.Observed},
		"no curl":                                 {probe.Curl{In: prints(127, "", "not found")}, probe.Observed},
		"a header block without an end":           {probe.Curl{In: prints(0, "HTTP/1.1 200 OK\r\n"+strings.Replace(trailer, "000", "200", 1), "")}, probe.Observed},
		"exec cut":                                {probe.Curl{In: probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) { return probe.Output{}, io.EOF })}, probe.Observed},
		"a reset, said by a RequestError":         {sender(probe.Response{}, reset), probe.Proved},
		"a RequestError that is no pointer":       {sender(probe.Response{}, *reset), probe.Proved},
		"a reset while reading":                   {sender(probe.Response{}, read(syscall.ECONNRESET)), probe.Proved},
		"wrapped":                                 {sender(probe.Response{}, fmt.Errorf("asking: %w", reset)), probe.Proved},
		"a reset with a part of an answer":        {sender(probe.NewResponse(200, nil, nil, 0), reset), probe.Observed},
		"a reset with a header":                   {sender(probe.NewResponse(0, http.Header{"A": {"b"}}, nil, 0), reset), probe.Observed},
		"a reset with a body":                     {sender(probe.NewResponse(0, nil, []byte("{"), 0), reset), probe.Observed},
		"a reset whose cause is a cut answer":     {sender(probe.Response{}, &probe.RequestError{Kind: probe.KindReset, Err: io.ErrUnexpectedEOF}), probe.Observed},
		"a reset while connecting":                {sender(probe.Response{}, dial(syscall.ECONNRESET)), probe.Observed},
		"an error that says nothing of it":        {sender(probe.Response{}, syscall.ECONNRESET), probe.Observed},
		"the end of something":                    {sender(probe.Response{}, io.EOF), probe.Observed},
		"another answer":                          {sender(probe.Response{}, &probe.AnswerError{Response: probe.NewResponse(503, nil, nil, 0)}), probe.Observed},
		"both":                                    {sender(probe.Response{}, errors.Join(reset, &probe.AnswerError{})), probe.Observed},
		"refused":                                 {fails(probe.KindRefused), probe.Observed},
		"truncated":                               {fails(probe.KindTruncated), probe.Observed},
		"a bad gateway":                           {says(502, ""), probe.Observed},
		"no healthy upstream":                     {says(503, "no healthy upstream"), probe.Observed},
		"a redirect":                              {says(302, ""), probe.Observed},
		"an answer that is too long":              {says(200, bare+strings.Repeat(" ", 1<<20)), probe.Observed},
		"a nil control":                           {(*probe.Curl)(nil), probe.Observed},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, proofOf(t, look(tt.control)).Proof) })
	}
	for _, kind := range []probe.Kind{
		probe.KindDNS, probe.KindResolver, probe.KindUnreachable, probe.KindBlocked, probe.KindConnect, probe.KindConnectTimeout,
		probe.KindTimeout, probe.KindTLS, probe.KindForbidden, probe.KindExec, probe.KindOther, "", "odd",
	} {
		require.Equal(t, probe.Observed, proofOf(t, look(fails(kind))).Proof, kind)
	}
	tooLong := look(fails(probe.KindReset))
	tooLong.From = says(200, golang(seenXFCC)+strings.Repeat(" ", 1<<20))
	require.Equal(t, probe.Unproved, proofOf(t, tooLong).Proof, "nobody knows what the rest says")
}

// cuts is a server that takes the request, writes the text and closes or resets the connection.
func cuts(t *testing.T, text string, reset bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		if reset && text == "" {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestAProxyThatCutsIsNoRefusal: the server was not reached.
func TestAProxyThatCutsIsNoRefusal(t *testing.T) {
	for _, reset := range []bool{false, true} {
		proxy, err := url.Parse(cuts(t, "", reset))
		require.NoError(t, err)
		through := probe.Direct{Client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}}
		require.Equal(t, probe.Observed, proofOf(t, look(through)).Proof)
		i := look(probe.Direct{Client: &http.Client{Transport: &http.Transport{}}})
		i.URL = proxy.String()
		require.Equal(t, probe.Proved, proofOf(t, i).Proof, "without one it is")
	}
}

// TestDirectTellsACutAnswerFromNone by what the connection showed.
func TestDirectTellsACutAnswerFromNone(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		reset bool
		kinds []probe.Kind
	}{
		"closed":             {"", false, []probe.Kind{probe.KindEmpty}},
		"reset":              {"", true, []probe.Kind{probe.KindReset}},
		"a part of a line":   {"HTTP/1.1 2", false, []probe.Kind{probe.KindOther, probe.KindTruncated}},
		"a status line":      {"HTTP/1.1 200 OK\r\n", false, []probe.Kind{probe.KindTruncated}},
		"a header block":     {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false, []probe.Kind{probe.KindTruncated}},
		"a part of the body": {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", false, []probe.Kind{probe.KindTruncated}},
		"a chunk":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", false, []probe.Kind{probe.KindTruncated}},
		"an interim answer":  {"HTTP/1.1 103 Early Hints\r\n\r\n", false, []probe.Kind{probe.KindTruncated}},
		"no HTTP":            {"hello\r\n\r\n", false, []probe.Kind{probe.KindOther, probe.KindTruncated}},
	} {
		t.Run(name, func(t *testing.T) {
			url := cuts(t, tt.text, tt.reset)
			_, err := probe.Direct{}.Send(t.Context(), probe.Request{URL: url})
			var failed *probe.RequestError
			require.ErrorAs(t, err, &failed)
			require.Contains(t, tt.kinds, failed.Kind, err)
			i := look(probe.Direct{})
			i.URL = url
			want := probe.Observed
			if tt.text == "" {
				want = probe.Proved
			}
			require.Equal(t, want, proofOf(t, i).Proof)
		})
	}
	t.Run("slow body", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		defer server.Close()
		_, err := probe.Direct{}.Send(t.Context(), probe.Request{URL: server.URL, Timeout: 50 * time.Millisecond})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, probe.KindTruncated, failed.Kind)
	})
	t.Run("cut within a TLS handshake", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		go func() {
			for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
				_, _ = conn.Read(make([]byte, 5))
				_ = conn.Close()
			}
		}()
		i := look(probe.Direct{})
		i.URL = "https://" + listener.Addr().String()
		require.Equal(t, probe.Observed, proofOf(t, i).Proof, "no plain text was spoken")
	})
	t.Run("a client that shows no connection", func(t *testing.T) {
		_, err := probe.Direct{Client: doer{io.EOF}}.Send(t.Context(), probe.Request{URL: "http://httpbin"})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, probe.KindOther, failed.Kind)
	})
	t.Run("real curl", func(t *testing.T) {
		if _, err := os.Stat("/usr/bin/curl"); err != nil {
			t.Skip("there is no curl on this machine")
		}
		for text, want := range map[string]probe.Proof{
			"": probe.Proved, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{": probe.Observed, "HTTP/1.1 100 Continue\r\n\r\n": probe.Observed, "hello": probe.Observed,
		} {
			i := look(probe.Curl{In: hereby})
			i.URL = cuts(t, text, false)
			require.Equal(t, want, proofOf(t, i).Proof, text)
		}
	})
}

type doer struct{ err error }

func (d doer) Do(*http.Request) (*http.Response, error) { return nil, d.err }

// TestTheControlAsksTheSameServer: another address may be another's, refused or not.
func TestTheControlAsksTheSameServer(t *testing.T) {
	for _, control := range []probe.Sender{fails(probe.KindReset), says(200, bare)} {
		for _, tt := range []struct {
			url, control string
			want         probe.Proof
		}{
			{"http://httpbin:8000", "", probe.Proved},
			{"http://httpbin:8000", "http://httpbin:8000", probe.Proved},
			{"http://httpbin:8000", "HTTP://HTTPBIN:8000/", probe.Proved},
			{"http://httpbin:8000", "http://httpbin.:8000", probe.Proved},
			{"http://httpbin", "http://httpbin:80", probe.Proved},
			{"http://[fd00::1]:8000", "http://[FD00:0:0::1]:8000", probe.Proved},
			{"http://httpbin:8000", "http://httpbin:8001", probe.Observed},
			{"http://httpbin:8000", "http://httpbin", probe.Observed},
			{"http://httpbin:8000", "https://httpbin:8000", probe.Observed},
			{"http://httpbin:8000", "http://httpbin.default:8000", probe.Observed},
			{"http://httpbin:8000", "http://10.1.0.4:8000", probe.Observed},
			{"http://httpbin:8000", "http://httpbin:8000/other", probe.Observed},
			{"http://httpbin:8000", "http://httpbin:8000?a=b", probe.Observed},
			{"http://httpbin:8000", "::", probe.Observed},
			{"https://httpbin", "http://httpbin", probe.Observed},
		} {
			i := look(control)
			i.URL, i.ControlURL = tt.url, tt.control
			require.Equal(t, tt.want, proofOf(t, i).Proof, tt)
		}
	}
	i := look(says(200, golang(seenXFCC)))
	i.ControlURL = "http://10.1.0.4:8000"
	require.Equal(t, probe.Unproved, proofOf(t, i).Proof, "a control that got the header voids it wherever it asked")
}
