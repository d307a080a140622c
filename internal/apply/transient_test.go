package apply_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/internal/apply"
)

func status(code int, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Code: int32(code), Reason: reason, Message: message}}
}

func TestTransient(t *testing.T) {
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://10.0.0.1:6443/api", Err: err} }
	secrets := schema.GroupResource{Resource: "secrets"}
	for name, tt := range map[string]struct {
		err  error
		wait time.Duration
		ok   bool
	}{
		"429":                      {apierrors.NewTooManyRequests("the server has received too many requests", 3), 3 * time.Second, true},
		"429 without a time":       {apierrors.NewTooManyRequestsError("x"), 0, true},
		"429 of a proxy":           {apierrors.NewGenericServerResponse(429, "GET", secrets, "x", "", 2, true), 2 * time.Second, true},
		"502 of a proxy":           {apierrors.NewGenericServerResponse(502, "GET", secrets, "x", "Bad Gateway", 0, true), 0, true},
		"503":                      {apierrors.NewServiceUnavailable("the server is currently unable to handle the request"), 0, true},
		"503 with a time":          {apierrors.NewGenericServerResponse(503, "GET", secrets, "x", "", 5, false), 5 * time.Second, true},
		"504":                      {apierrors.NewTimeoutError("request did not complete within the allotted timeout", 0), 0, true},
		"server timeout":           {apierrors.NewServerTimeout(secrets, "create", 1), time.Second, true},
		"wrapped":                  {fmt.Errorf("reading: %w", apierrors.NewServiceUnavailable("x")), 0, true},
		"leader changed":           {apierrors.NewInternalError(errors.New("etcdserver: leader changed")), 0, true},
		"leader changed, no cause": {status(500, "", "etcdserver: leader changed"), 0, true},
		"etcd timed out":           {status(500, "", "etcdserver: request timed out, possibly due to previous leader failure"), 0, true},
		"etcd away":                {status(500, "", `rpc error: code = Unavailable desc = error reading from server: EOF`), 0, true},
		"quota lost a race": {
			apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", errors.New("the object has been modified")), 0, true,
		},
		"reset":           {get(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), 0, true},
		"broken pipe":     {get(&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}), 0, true},
		"EOF":             {get(io.EOF), 0, true},
		"unexpected EOF":  {get(io.ErrUnexpectedEOF), 0, true},
		"GOAWAY":          {get(errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""`)), 0, true},
		"connection lost": {get(errors.New("http2: client connection lost")), 0, true},
		"TLS handshake":   {get(timeout("net/http: TLS handshake timeout")), 0, true},
		"i/o timeout":     {get(&net.OpError{Op: "dial", Err: timeout("i/o timeout")}), 0, true},
		"time limit":      {get(context.DeadlineExceeded), 0, true},
		"reset on Windows": {
			get(errors.New("wsarecv: An existing connection was forcibly closed by the remote host.")), 0, true,
		},

		"nil":                   {nil, 0, false},
		"canceled":              {get(context.Canceled), 0, false},
		"refused":               {get(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), 0, false},
		"no route":              {get(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}), 0, false},
		"no such host":          {get(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x.example", IsNotFound: true}}), 0, false},
		"unknown authority":     {get(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), 0, false},
		"other host":            {get(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}), 0, false},
		"expired":               {get(x509.CertificateInvalidError{Reason: x509.Expired}), 0, false},
		"not TLS":               {get(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), 0, false},
		"bad certificate":       {get(&net.OpError{Op: "remote error", Err: tls.AlertError(42)}), 0, false},
		"400":                   {apierrors.NewBadRequest("unexpected EOF"), 0, false},
		"401":                   {apierrors.NewUnauthorized("x"), 0, false},
		"403":                   {apierrors.NewForbidden(secrets, "x", errors.New("etcdserver: leader changed")), 0, false},
		"404":                   {apierrors.NewNotFound(secrets, "x"), 0, false},
		"conflict":              {apierrors.NewConflict(secrets, "x", errors.New("x")), 0, false},
		"exists":                {apierrors.NewAlreadyExists(secrets, "x"), 0, false},
		"generated name":        {apierrors.NewGenerateNameConflict(secrets, "x", 1), time.Second, false},
		"410":                   {apierrors.NewResourceExpired("x"), 0, false},
		"500":                   {apierrors.NewInternalError(errors.New("x")), 0, false},
		"database full":         {status(500, "", "etcdserver: mvcc: database space exceeded"), 0, false},
		"a webhook is away":     {apierrors.NewInternalError(errors.New(`failed calling webhook "x": failed to call webhook: Post "https://x": EOF, etcdserver: leader changed`)), 0, false},
		"canceled and cut off":  {fmt.Errorf("%w: %w", context.Canceled, io.EOF), 0, false},
		"distrusted and closed": {fmt.Errorf("%w: %w", &tls.CertificateVerificationError{Err: errors.New("x")}, io.EOF), 0, false},
		"no TLS and closed":     {fmt.Errorf("%w: %w", tls.RecordHeaderError{}, io.EOF), 0, false},
		"something else":        {errors.New("x"), 0, false},
		"501 not supported":     {status(501, "", "x"), 0, false},
		"a reason only":         {status(0, metav1.StatusReasonForbidden, "etcdserver: leader changed"), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			wait, ok := apply.Transient(tt.err)
			require.Equal(t, tt.ok, ok)
			if ok {
				require.Equal(t, tt.wait, wait)
			}
		})
	}
}

type timeout string

func (e timeout) Error() string { return string(e) }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// What net/http really returns when a server closes, resets or does not speak TLS.
func TestTransientOfRealConnections(t *testing.T) {
	hijacked := func(end func(*net.TCPConn)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				end(c.(*net.TCPConn))
			}
		}
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		scheme  string
		ok      bool
	}{
		"closed": {hijacked(func(c *net.TCPConn) { _ = c.Close() }), "http", true},
		"reset":  {hijacked(func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }), "http", true},
		"cut off": {hijacked(func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
			_ = c.Close()
		}), "http", true},
		"no TLS":   {func(http.ResponseWriter, *http.Request) {}, "https", false},
		"no limit": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "http", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.handler)
			defer s.Close()
			client := &http.Client{Timeout: 200 * time.Millisecond}
			response, err := client.Post(tt.scheme+"://"+s.Listener.Addr().String(), "text/plain", nil)
			if err == nil {
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			_, ok := apply.Transient(err)
			require.Equal(t, tt.ok, ok, "%v", err)
		})
	}
}

func TestAgain(t *testing.T) {
	busy := apierrors.NewServiceUnavailable("x")
	for name, tt := range map[string]struct {
		policy      apply.Policy
		err         error
		takes       time.Duration // of each try
		tries       int
		least, most time.Duration
	}{
		"by default":             {apply.Policy{}, busy, 0, 5, 1500 * time.Millisecond, 3 * time.Second},
		"once":                   {apply.Policy{Attempts: 1}, busy, 0, 1, 0, 0},
		"as told":                {apply.Policy{Attempts: 3, First: time.Second, Max: time.Second}, busy, 0, 3, time.Second, 2 * time.Second},
		"as the server asks":     {apply.Policy{}, apierrors.NewTooManyRequests("x", 3), 0, 5, 12 * time.Second, 12 * time.Second},
		"not as long as it asks": {apply.Policy{Attempts: 2}, apierrors.NewTooManyRequests("x", 3600), 0, 2, 10 * time.Second, 10 * time.Second},
		"within":                 {apply.Policy{}, apierrors.NewTooManyRequests("x", 8), 0, 3, 16 * time.Second, 16 * time.Second},
		"not after a long call":  {apply.Policy{}, context.DeadlineExceeded, 30 * time.Second, 1, 30 * time.Second, 30 * time.Second},
		"for good":               {apply.Policy{}, apierrors.NewUnauthorized("x"), 0, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				err := apply.Again(t.Context(), tt.policy, "a", func() error { tries++; time.Sleep(tt.takes); return tt.err })
				require.Equal(t, tt.err, err)
				require.Equal(t, tt.tries, tries)
				require.GreaterOrEqual(t, time.Since(start), tt.least)
				require.LessOrEqual(t, time.Since(start), tt.most)
			})
		})
	}
}

func TestAgainHeedsTheContext(t *testing.T) {
	busy := apierrors.NewServiceUnavailable("x")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.Equal(t, busy, apply.Again(ctx, apply.Policy{}, "a", func() error { return busy }))
		require.Zero(t, time.Since(start), "a pause that outlasts the context is not begun")

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		require.Equal(t, busy, apply.Again(ctx, apply.Policy{}, "a", func() error { return busy }))
		require.Equal(t, 10*time.Millisecond, time.Since(start))
		tries := 0
		require.Equal(t, busy, apply.Again(ctx, apply.Policy{}, "a", func() error { tries++; return busy }))
		require.Equal(t, 1, tries)
	})
}

func TestPausesDifferByKeyAndRepeat(t *testing.T) {
	took := func(key string) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_ = apply.Again(t.Context(), apply.Policy{}, key, func() error { return io.EOF })
			took = time.Since(start)
		})
		return took
	}
	require.Equal(t, took("a"), took("a"))
	require.NotEqual(t, took("a"), took("b"))
}
