package probe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

var _ probe.Doer = (*http.Client)(nil)

// httpbin is what the tests need of either one.
func httpbin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/status/418", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-More-Info", "http://tools.ietf.org/html/rfc2324")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "I'm a teapot!")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Host+"|"+r.Header.Get("X-Asked")+"|"+r.URL.RawQuery)
		_, _ = io.WriteString(w, "meshpeer-probe-answer 200 0.1\r\n\r\nHTTP/1.1 500 no\r\n\r\n")
	})
	mux.Handle("/moved", http.RedirectHandler("/status/418", http.StatusFound))
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(httpbin())
	defer server.Close()
	for _, tt := range []struct {
		name   string
		probe  probe.HTTP
		status probe.Status
		says   string
	}{
		{"any good status", probe.HTTP{Request: probe.Request{URL: server.URL + "/echo"}}, probe.Passed, "answered 200"},
		{"wanted", probe.HTTP{Request: probe.Request{URL: server.URL + "/status/418"}, Status: 418, Header: http.Header{"X-More-Info": {"http://tools.ietf.org/html/rfc2324"}}}, probe.Passed, "answered 418"},
		{"redirects are answers", probe.HTTP{Request: probe.Request{URL: server.URL + "/moved"}, Status: 302}, probe.Passed, ""},
		{"other status", probe.HTTP{Request: probe.Request{URL: server.URL + "/echo"}, Status: 418}, probe.Failed, "got 200 OK, want 418"},
		{"no good status", probe.HTTP{Request: probe.Request{URL: server.URL + "/status/418"}}, probe.Failed, "want 200 to 299"},
		{"other header", probe.HTTP{Request: probe.Request{URL: server.URL + "/echo"}, Header: http.Header{"X-Seen": {"b"}}}, probe.Failed, "want header X-Seen with the value that was asked for"},
		{"headers are sent", probe.HTTP{Request: probe.Request{URL: server.URL + "/echo", Header: http.Header{"host": {"httpbin"}, "x-asked": {"1"}}}, Header: http.Header{"X-Seen": {"httpbin|1|"}}}, probe.Passed, ""},
		{"closed", probe.HTTP{Request: probe.Request{URL: server.URL + "/empty"}}, probe.Failed, "closed the connection without an answer"},
		{"slow", probe.HTTP{Request: probe.Request{URL: server.URL + "/slow", Timeout: 10 * time.Millisecond}}, probe.Failed, "nothing answered in time"},
		{"client of the caller", probe.HTTP{From: probe.Direct{Client: server.Client()}, Request: probe.Request{URL: server.URL + "/moved"}, Status: 418}, probe.Passed, ""},
		{"bad input", probe.HTTP{Request: probe.Request{URL: "ftp://x"}}, probe.Failed, "something that cannot work"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.probe.Probe(t.Context())
			require.Equal(t, tt.status, r.Status, r)
			require.Contains(t, r.Summary, tt.says)
			require.Equal(t, tt.status == probe.Passed, r.Hint == "")
		})
	}
}

func TestDirectClassesErrors(t *testing.T) {
	secured := httptest.NewUnstartedServer(httpbin())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	secured.StartTLS()
	defer secured.Close()
	plain := httptest.NewServer(httpbin())
	defer plain.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for _, tt := range []struct {
		url  string
		want probe.Kind
	}{
		{secured.URL, probe.KindTLS},
		{"https" + plain.URL[len("http"):], probe.KindTLS},
		{"http://" + closed.Addr().String(), probe.KindRefused},
		{plain.URL + "/empty", probe.KindEmpty},
	} {
		_, err := probe.Direct{}.Send(t.Context(), probe.Request{URL: tt.url + "?token=abc"})
		var failed *probe.RequestError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, tt.want, failed.Kind, err)
		require.NotContains(t, err.Error(), "abc")
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	long := "http://user:" + "hunter2@httpbin"
	for name, tt := range map[string]struct {
		request probe.Request
		field   string
	}{
		"no URL":         {probe.Request{}, "Request.URL"},
		"no host":        {probe.Request{URL: "http:///x"}, "Request.URL"},
		"unreadable":     {probe.Request{URL: "http://\x7f"}, "Request.URL"},
		"user info":      {probe.Request{URL: long}, "Request.URL"},
		"credential":     {probe.Request{URL: "http://x", Header: http.Header{"authorization": {"Bearer hunter2"}}}, "Request.Header"},
		"forged proof":   {probe.Request{URL: "http://x", Header: http.Header{"x-forwarded-client-cert": {"hunter2"}}}, "Request.Header"},
		"two lines":      {probe.Request{URL: "http://x", Header: http.Header{"X-A": {"hunter2\r\nX-Forwarded-Client-Cert: a"}}}, "Request.Header"},
		"header in name": {probe.Request{URL: "http://x", Header: http.Header{"X-A: 1\r\nX-Forwarded-Client-Cert": {"a"}}}, "Request.Header"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sender := range []probe.Sender{probe.Direct{}, probe.Curl{In: prints(0, "", "")}} {
				_, err := sender.Send(t.Context(), tt.request)
				var field *probe.FieldError
				require.ErrorAs(t, err, &field)
				require.Equal(t, tt.field, field.Field)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
			}
		})
	}
}

func TestTeapot(t *testing.T) {
	const info = "http://tools.ietf.org/html/rfc2324"
	const drawing = "\n    -=[ teapot ]=-\n\n       _...._\n"
	for _, tt := range []struct {
		name string
		from probe.Sender
		want probe.Status
	}{
		{"Python's", says(418, drawing, "X-More-Info", info), probe.Passed},
		{"go-httpbin", says(418, "I'm a teapot!", "X-More-Info", info), probe.Passed},
		{"without a word", says(418, "", "X-More-Info", info), probe.Failed},
		{"without RFC", says(418, drawing), probe.Failed},
		{"a page about teapots", says(200, drawing, "X-More-Info", info), probe.Failed},
		{"a proxy's answer", says(503, "no healthy upstream"), probe.Failed},
		{"none", fails(probe.KindDNS), probe.Failed},
		{"no curl", fails(probe.KindNoCurl), probe.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := probe.Teapot{From: tt.from, URL: "http://httpbin:8000/"}.Probe(t.Context())
			require.Equal(t, tt.want, r.Status, r)
			require.Equal(t, "http://httpbin:8000/", r.Target)
		})
	}
	server := httptest.NewServer(httpbin())
	defer server.Close()
	require.Equal(t, probe.Passed, probe.Teapot{URL: server.URL}.Probe(t.Context()).Status)
}

// A sender of the caller's own may fail with anything.
func TestSenderOfOnesOwn(t *testing.T) {
	broken := errors.New("tunnel down")
	from := probe.SenderFunc(func(context.Context, probe.Request) (probe.Response, error) { return probe.Response{}, broken })
	r := probe.Teapot{From: from, URL: "http://httpbin:8000"}.Probe(t.Context())
	require.ErrorIs(t, r.Err, broken)
	require.Equal(t, probe.Failed, r.Status)
}
