package probe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestDiagnose(t *testing.T) {
	kind := func(k probe.Kind) probe.Sighting { return probe.Sighting{Err: &probe.RequestError{Kind: k}} }
	tlsError := func(detail string) probe.Sighting {
		return probe.Sighting{Err: &probe.RequestError{Kind: probe.KindTLS, Detail: detail}}
	}
	answer := func(status int, body string, endpoints ...probe.Endpoint) probe.Sighting {
		return probe.Sighting{Response: probe.NewResponse(status, nil, []byte(body), 0), Endpoints: endpoints}
	}
	const reset = "upstream connect error or disconnect/reset before headers. "
	stuck := probe.Endpoint{Address: "10.1.0.4:8080", Health: "healthy", ConnectFailed: 2}
	gateway := probe.Endpoint{Address: "10.9.0.11:15443", Health: "healthy", ConnectFailed: 2}
	timedOut := kind(probe.KindTimeout)
	timedOut.Endpoints = []probe.Endpoint{stuck}
	behindGateway := kind(probe.KindTimeout)
	behindGateway.Endpoints = []probe.Endpoint{gateway}
	bare := probe.Sighting{Response: probe.NewResponse(404, http.Header{"Server": {"envoy"}}, nil, 0)}
	appsOwn := probe.Sighting{Response: probe.NewResponse(404, http.Header{"Server": {"envoy"}, "X-Envoy-Upstream-Service-Time": {"3"}}, nil, 0)}
	tested := map[string]bool{}
	for _, tt := range []struct {
		name   string
		seen   probe.Sighting
		want   string
		status probe.Status
	}{
		{"a wrong field", probe.Sighting{Err: fmt.Errorf("asking: %w", &probe.FieldError{Field: "URL"})}, "bad-input", probe.Failed},
		{"pods/exec forbidden", kind(probe.KindForbidden), "exec-forbidden", probe.Unknown},
		{"exit code 127", kind(probe.KindNoCurl), "no-curl", probe.Unknown},
		{"pod gone", kind(probe.KindExec), "exec-failed", probe.Unknown},
		{"canceled", probe.Sighting{Err: fmt.Errorf("asking: %w", context.Canceled)}, "canceled", probe.Unknown},
		{"exit code 6", kind(probe.KindDNS), "dns", probe.Failed},
		{"timeout at a pod of the other cluster", timedOut, "raw-pod-ip", probe.Failed},
		{"503 at a pod of the other cluster", answer(503, reset+"reset reason: connection timeout", stuck), "raw-pod-ip", probe.Failed},
		{"timeout at the gateway", behindGateway, "timeout", probe.Failed},
		{"exit code 28", kind(probe.KindTimeout), "timeout", probe.Failed},
		{"name servers", kind(probe.KindResolver), "resolver", probe.Failed},
		{"no route", kind(probe.KindUnreachable), "unreachable", probe.Failed},
		{"not allowed", kind(probe.KindBlocked), "blocked", probe.Failed},
		{"no connection in time", kind(probe.KindConnectTimeout), "connect-timeout", probe.Failed},
		{"exit code 7 without a word", kind(probe.KindConnect), "no-connection", probe.Failed},
		{"cut", kind(probe.KindTruncated), "truncated", probe.Failed},
		{"plain text", tlsError("wrong version number"), "tls-plain", probe.Failed},
		{"other name", tlsError("certificate subject name 'a' does not match target host name 'b'"), "tls-name", probe.Failed},
		{"expired", tlsError("certificate has expired"), "tls-time", probe.Failed},
		{"other root", tlsError("unable to get local issuer certificate"), "tls-issuer", probe.Failed},
		{"client certificate", tlsError("tlsv13 alert certificate required"), "tls-client", probe.Failed},
		{"old server", tlsError("tlsv1 alert protocol version"), "tls-version", probe.Failed},
		{"cut in the handshake", tlsError("OpenSSL SSL_connect: Connection reset by peer"), "tls-cut", probe.Failed},
		{"deadline of this process", probe.Sighting{Err: context.DeadlineExceeded}, "slow-server", probe.Failed},
		{"exit code 7", kind(probe.KindRefused), "refused", probe.Failed},
		{"exit code 60", kind(probe.KindTLS), "tls-verify", probe.Failed},
		{"exit code 52", kind(probe.KindEmpty), "empty-reply", probe.Failed},
		{"exit code 56", kind(probe.KindReset), "reset", probe.Failed},
		{"authorization policy", answer(403, "RBAC: access denied"), "rbac-denied", probe.Failed},
		{"the app's own 403", answer(403, "no"), "unexplained", probe.Failed},
		{"other roots", answer(503, reset+"reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED"), "mesh-tls-verify", probe.Failed},
		{"other roots, told by the server", answer(503, reset+"transport failure reason: TLSV1_ALERT_UNKNOWN_CA"), "mesh-tls-verify", probe.Failed},
		{"taken out", answer(503, "no healthy upstream", probe.Endpoint{Address: "10.9.0.11:15443", Health: "/failed_outlier_check"}), "ejected", probe.Failed},
		{"UH", answer(503, "no healthy upstream"), "no-healthy-upstream", probe.Failed},
		{"firewall", answer(503, reset+"reset reason: connection timeout", gateway), "upstream-timeout", probe.Failed},
		{"gateway down", answer(503, reset+"retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: 111"), "upstream-refused", probe.Failed},
		{"no SNI matched", answer(503, reset+"reset reason: connection termination"), "gateway-reset", probe.Failed},
		{"503 in an error", probe.Sighting{Err: &probe.AnswerError{Response: probe.NewResponse(503, nil, []byte("no healthy upstream"), 0)}}, "no-healthy-upstream", probe.Failed},
		{"server without sidecar", answer(503, reset+"TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER"), "mesh-tls-plain", probe.Failed},
		{"old certificate", answer(503, reset+"TLS_error:|268435581:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED"), "mesh-tls-time", probe.Failed},
		{"FI", answer(503, "fault filter abort"), "fault-injected", probe.Failed},
		{"UO", answer(503, reset+"reset reason: overflow"), "circuit-breaker", probe.Failed},
		{"UF, no route", answer(503, reset+"reset reason: remote connection failure, transport failure reason: delayed connect error: 113"), "upstream-unreachable", probe.Failed},
		{"UF, no network", answer(503, reset+"reset reason: remote connection failure, transport failure reason: delayed connect error: 101"), "upstream-unreachable", probe.Failed},
		{"UF, another error", answer(503, reset+"reset reason: remote connection failure, transport failure reason: delayed connect error: 99"), "upstream-connect", probe.Failed},
		{"UF that hides why may be TLS too", answer(503, reset+"reset reason: remote connection failure"), "gateway-reset", probe.Failed},
		{"URX", answer(503, reset+"retried and the latest reset reason: connection termination"), "gateway-reset", probe.Failed},
		{"UR", answer(503, reset+"reset reason: remote reset"), "gateway-reset", probe.Failed},
		{"UPE", answer(502, reset+"reset reason: protocol error"), "upstream-protocol", probe.Failed},
		{"UPE, older", answer(503, reset+"reset reason: protocol error"), "upstream-protocol", probe.Failed},
		{"OM", answer(503, "envoy overloaded"), "proxy-overloaded", probe.Failed},
		{"NC", probe.Sighting{Response: probe.NewResponse(503, http.Header{"Server": {"envoy"}}, nil, 0)}, "no-cluster", probe.Failed},
		{"the app's own 503", probe.Sighting{Response: probe.NewResponse(503, http.Header{"Server": {"envoy"}, "X-Envoy-Upstream-Service-Time": {"3"}}, nil, 0)}, "unexplained", probe.Failed},
		{"slow", answer(504, "upstream request timeout"), "slow-upstream", probe.Failed},
		{"NR", bare, "no-route", probe.Failed},
		{"the app's own 404", appsOwn, "unexplained", probe.Failed},
		{"odd", probe.Sighting{Err: errors.New("odd")}, "unexplained", probe.Failed},
		{"nothing seen", probe.Sighting{}, "unexplained", probe.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := probe.Diagnose(tt.seen)
			require.Equal(t, tt.want, got.Symptom)
			require.Equal(t, tt.status, got.Status)
			require.NotEmpty(t, got.Cause)
			require.NotEmpty(t, got.Remedy)
			tested[tt.want] = true
		})
	}
	for _, d := range probe.Diagnoses() { // a row without a test could be dead
		require.True(t, tested[d.Symptom], "row %s has no test", d.Symptom)
		require.NotEmpty(t, d.Seen)
	}
}

// TestDiagnosesOfCurl: what the versions of curl say of one failure, and which cause and remedy fit it. "Network labels and
// port 15443" is for what a proxy of the mesh may have caused only.
func TestDiagnosesOfCurl(t *testing.T) {
	for _, tt := range []struct {
		exit   int
		stderr string
		kind   probe.Kind
		want   string
	}{
		{6, "curl: (6) Could not resolve host: httpbin", probe.KindDNS, "dns"},
		{6, "curl: (6) Couldn't resolve host 'httpbin'", probe.KindDNS, "dns"},
		{6, "curl: (6) Could not resolve host: httpbin (Domain name not found)", probe.KindDNS, "dns"},
		{6, "curl: (6) Could not resolve host: httpbin (Timeout while contacting DNS servers)", probe.KindResolver, "resolver"},
		{6, "curl: (6) Could not resolve host: httpbin (Could not contact DNS servers)", probe.KindResolver, "resolver"},
		{6, "curl: (6) Could not resolve: httpbin (DNS server returned general failure)", probe.KindResolver, "resolver"},
		{6, "curl: (6) getaddrinfo() thread failed: Temporary failure in name resolution", probe.KindResolver, "resolver"},
		{28, "curl: (28) Resolving timed out after 5000 milliseconds", probe.KindResolver, "resolver"},
		{28, "curl: (28) name lookup timed out", probe.KindResolver, "resolver"},
		{7, "curl: (7) Failed to connect to httpbin port 8000: Connection refused", probe.KindRefused, "refused"},
		{7, "curl: (7) Failed connect to httpbin:8000; Connection refused", probe.KindRefused, "refused"},
		{7, "curl: (7) connect to 10.0.0.1 port 8000 failed: Connection refused", probe.KindRefused, "refused"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: No route to host", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed connect to 10.0.0.1:8000; No route to host", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: Host is unreachable", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed to connect to fd00::1 port 8000: Network is unreachable", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed to connect to fd00::1 port 8000: Network unreachable", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: Operation not permitted", probe.KindBlocked, "blocked"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: Permission denied", probe.KindBlocked, "blocked"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: Connection timed out", probe.KindConnectTimeout, "connect-timeout"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000: Operation timed out", probe.KindConnectTimeout, "connect-timeout"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000 after 3061 ms: Couldn't connect to server", probe.KindConnect, "no-connection"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000 after 0 ms: Could not connect to server", probe.KindConnect, "no-connection"},
		{7, "curl: (7) Failed to connect to 10.0.0.1 port 8000 after 0 ms: Cannot assign requested address", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) Failed to connect to fd00::1 port 8000 after 0 ms: Address not available", probe.KindUnreachable, "unreachable"},
		{7, "curl: (7) socket open failed: Address family not supported by protocol", probe.KindUnreachable, "unreachable"},
		{28, "curl: (28) connect() timed out!", probe.KindConnectTimeout, "connect-timeout"},
		{28, "curl: (28) Could not resolve: httpbin (Timeout while contacting DNS servers)", probe.KindResolver, "resolver"},
		{28, "curl: (28) SSL connection timed out", probe.KindTimeout, "timeout"},
		{6, "curl: (6) Could not resolve host: httpbin (DNS server refused query)", probe.KindResolver, "resolver"},
		{28, "curl: (28) Connection timed out after 5001 milliseconds", probe.KindConnectTimeout, "connect-timeout"},
		{28, "curl: (28) Failed to connect to 10.0.0.1 port 8000 after 5001 ms: Timeout was reached", probe.KindConnectTimeout, "connect-timeout"},
		{28, "curl: (28) Failed to connect to 10.0.0.1 port 8000: Connection timed out", probe.KindConnectTimeout, "connect-timeout"},
		{28, "curl: (28) Connection timeout after 5001 ms", probe.KindConnectTimeout, "connect-timeout"},
		{28, "curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received", probe.KindTimeout, "timeout"},
		{28, "curl: (28) Operation timed out after 5001 milliseconds with 0 out of 0 bytes received", probe.KindTimeout, "timeout"},
		{28, "curl: (28) SSL connection timeout", probe.KindTimeout, "timeout"},
		{35, "curl: (35) error:0A00010B:SSL routines::wrong version number", probe.KindTLS, "tls-plain"},
		{35, "curl: (35) error:1408F10B:SSL routines:ssl3_get_record:wrong version number", probe.KindTLS, "tls-plain"},
		{35, "curl: (35) error:140770FC:SSL routines:SSL23_GET_SERVER_HELLO:unknown protocol", probe.KindTLS, "tls-plain"},
		{35, "curl: (35) OpenSSL SSL_connect: Connection reset by peer in connection to httpbin:8443", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to httpbin:8443", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) TLS connect error: error:0A000126:SSL routines::unexpected eof while reading", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) error:0A00042E:SSL routines::tlsv1 alert protocol version", probe.KindTLS, "tls-version"},
		{35, "curl: (35) error:0A000410:SSL routines::sslv3 alert handshake failure", probe.KindTLS, "tls-verify"},
		{35, "curl: (35) SSL received a record that exceeded the maximum permissible length.", probe.KindTLS, "tls-plain"},
		{35, "curl: (35) mbedTLS: ssl_handshake returned: (-0x7200) SSL - An invalid SSL record was received", probe.KindTLS, "tls-plain"},
		{35, "curl: (35) TLS connect error: error:00000000:lib(0)::reason(0)", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) Unknown SSL protocol error in connection to httpbin:8443 ", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) Encountered end of file", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) NSS error -5961 (PR_CONNECT_RESET_ERROR)", probe.KindTLS, "tls-cut"},
		{35, "curl: (35) SSL peer cannot verify your certificate.", probe.KindTLS, "tls-client"},
		{60, "curl: (60) Peer's Certificate issuer is not recognized.", probe.KindTLS, "tls-issuer"},
		{60, "curl: (60) Peer's certificate issuer has been marked as not trusted by the user.", probe.KindTLS, "tls-issuer"},
		{56, "curl: (56) OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", probe.KindTLS, "tls-client"},
		{51, "curl: (51) SSL: no alternative certificate subject name matches target host name 'httpbin'", probe.KindTLS, "tls-name"},
		{60, "curl: (60) SSL: no alternative certificate subject name matches target host name 'httpbin'", probe.KindTLS, "tls-name"},
		{60, "curl: (60) SSL certificate problem: unable to get local issuer certificate", probe.KindTLS, "tls-issuer"},
		{60, "curl: (60) SSL certificate problem: self signed certificate in certificate chain", probe.KindTLS, "tls-issuer"},
		{60, "curl: (60) SSL certificate problem: certificate has expired", probe.KindTLS, "tls-time"},
		{77, "curl: (77) error setting certificate verify locations", probe.KindTLS, "tls-verify"},
		{18, "curl: (18) transfer closed with 10 bytes remaining to read", probe.KindTruncated, "truncated"},
		{52, "curl: (52) Empty reply from server", probe.KindEmpty, "empty-reply"},
		{55, "curl: (55) Send failure: Broken pipe", probe.KindReset, "reset"},
		{56, "curl: (56) Recv failure: Connection reset by peer", probe.KindReset, "reset"},
		{56, "curl: (56) Recv failure: Connection timed out", probe.KindTimeout, "timeout"},
		{56, "curl: (56) Recv failure: No route to host", probe.KindUnreachable, "unreachable"},
		{55, "curl: (55) Send failure: Network is unreachable", probe.KindUnreachable, "unreachable"},
		{2, "curl: option --noproxy: is unknown", probe.KindNoCurl, "no-curl"},
		{137, "Killed", probe.KindExec, "exec-failed"},
		{143, "", probe.KindExec, "exec-failed"},
		{92, "curl: (92) HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)", probe.KindOther, "unexplained"},
		{126, "sh: curl: Permission denied", probe.KindNoCurl, "no-curl"},
		{127, "sh: curl: not found", probe.KindNoCurl, "no-curl"},
	} {
		t.Run(fmt.Sprint(tt.exit, " ", tt.stderr), func(t *testing.T) {
			_, err := probe.Curl{In: prints(tt.exit, "\nmeshpeer-probe-answer 000 0.004", "curl: warning\n"+tt.stderr+"\n")}.Send(t.Context(), probe.Request{URL: "http://httpbin:8000"})
			diagnosed(t, err, tt.kind, tt.want)
		})
	}
}

// TestHostNamesDiagnoseNothing: what the host is called is no word of curl's.
func TestHostNamesDiagnoseNothing(t *testing.T) {
	for _, host := range []string{"timeout", "TimeOut", "timeout.default", "no-timeout"} {
		for _, said := range []string{"Failed to connect to %s port 80 after 3 ms: Could not connect to server", "Failed to connect to %s port 80: Couldn't connect to server", "Failed connect to %s:80; Couldn't connect"} {
			_, err := probe.Curl{In: prints(7, "\nmeshpeer-probe-answer 000 0.004", "curl: (7) "+fmt.Sprintf(said, host)+"\n")}.Send(t.Context(), probe.Request{URL: "http://" + host + ":80"})
			diagnosed(t, err, probe.KindConnect, "no-connection")
		}
	}
}

// TestAlertsOfThisProcess: a TLS alert came from somebody who listens.
func TestAlertsOfThisProcess(t *testing.T) {
	certificates := httptest.NewTLSServer(http.NotFoundHandler())
	defer certificates.Close()
	for name, tt := range map[string]struct {
		server *tls.Config
		want   string
	}{
		"no common version":      {&tls.Config{MaxVersion: tls.VersionTLS11}, "tls-version"},
		"a client's certificate": {&tls.Config{ClientAuth: tls.RequireAnyClientCert}, "tls-client"},
		"refused within":         {&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("refused") }}, "tls-verify"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = tt.server
			server.TLS.Certificates = certificates.TLS.Certificates
			server.StartTLS()
			defer server.Close()
			_, err := probe.Direct{Client: server.Client()}.Send(t.Context(), probe.Request{URL: server.URL})
			diagnosed(t, err, probe.KindTLS, tt.want)
		})
	}
}

// TestDiagnosesOfThisProcess: the same failures as Go says them.
func TestDiagnosesOfThisProcess(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, tt := range map[string]struct {
		err  error
		kind probe.Kind
		want string
	}{
		"refused":              {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), probe.KindRefused, "refused"},
		"no route":             {dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), probe.KindUnreachable, "unreachable"},
		"no network":           {dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), probe.KindUnreachable, "unreachable"},
		"no such family":       {dial(os.NewSyscallError("connect", syscall.EAFNOSUPPORT)), probe.KindUnreachable, "unreachable"},
		"no own address":       {dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), probe.KindUnreachable, "unreachable"},
		"not permitted":        {dial(os.NewSyscallError("connect", syscall.EPERM)), probe.KindBlocked, "blocked"},
		"denied":               {dial(os.NewSyscallError("connect", syscall.EACCES)), probe.KindBlocked, "blocked"},
		"kernel gave up":       {dial(os.NewSyscallError("connect", syscall.ETIMEDOUT)), probe.KindConnectTimeout, "connect-timeout"},
		"deadline":             {dial(context.DeadlineExceeded), probe.KindConnectTimeout, "connect-timeout"},
		"deadline of a dialer": {context.DeadlineExceeded, probe.KindConnectTimeout, "connect-timeout"},
		"reset while dialing":  {dial(os.NewSyscallError("connect", syscall.ECONNRESET)), probe.KindConnect, "no-connection"},
		"no such host":         {dial(&net.DNSError{Err: "no such host", Name: "httpbin", IsNotFound: true}), probe.KindDNS, "dns"},
		"name server silent":   {dial(&net.DNSError{Err: "i/o timeout", Name: "httpbin", IsTimeout: true}), probe.KindResolver, "resolver"},
		"name server broken":   {dial(&net.DNSError{Err: "server misbehaving", Name: "httpbin", IsTemporary: true}), probe.KindResolver, "resolver"},
	} {
		t.Run(name, func(t *testing.T) {
			r := probe.TCP{Address: "httpbin:8000", Dialer: dialing{tt.err}}.Probe(t.Context())
			require.ErrorIs(t, r.Err, tt.err)
			require.Equal(t, tt.want, probe.Diagnose(probe.Sighting{Err: r.Err}).Symptom)
			require.NotContains(t, r.Hint, "15443")

			direct := probe.Direct{Client: &http.Client{Transport: &http.Transport{DialContext: dialing{tt.err}.DialContext}}}
			_, err := direct.Send(t.Context(), probe.Request{URL: "http://httpbin:8000"})
			diagnosed(t, err, tt.kind, tt.want)
		})
	}
}

func diagnosed(t *testing.T, err error, kind probe.Kind, want string) {
	t.Helper()
	var failed *probe.RequestError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, kind, failed.Kind)
	d := probe.Diagnose(probe.Sighting{Err: err})
	require.Equal(t, want, d.Symptom)
	if want != "timeout" {
		require.NotContains(t, d.Remedy, "15443")
		require.NotContains(t, d.Remedy, "label")
	}
}
