package apply

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Transient says whether the same call may well succeed a moment later, and how long the server asks to wait; 0 if it does
// not say. That is an overloaded or restarting server (429, 502, 503, 504, ServerTimeout), a 500 by which etcd says that it
// elects a leader, a connection that broke, and a time limit. It is not a canceled context, a certificate that is not
// trusted, a refused connection or an unknown host: waiting seconds seldom helps there.
//
// Of a deadline the error does not tell whose it was, the caller's or the call's: look at the context first, as [Again] does.
func Transient(err error) (wait time.Duration, ok bool) {
	if err == nil || errors.Is(err, context.Canceled) || distrusted(err) {
		return 0, false
	}
	if status := statusOf(err); status != nil {
		seconds, _ := apierrors.SuggestsClientDelay(err)
		return time.Duration(seconds) * time.Second, transientStatus(status)
	}
	return 0, broken(err)
}

func statusOf(err error) *metav1.Status {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return nil
	}
	status := answer.Status()
	return &status
}

func transientStatus(status *metav1.Status) bool {
	switch status.Code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict: // the quota controller lost a race of its own (kubernetes/kubernetes#67761)
		return status.Reason == metav1.StatusReasonConflict && status.Details != nil && status.Details.Kind == "resourcequotas"
	}
	if status.Code != 0 && status.Code < http.StatusInternalServerError {
		return false
	}
	switch status.Reason {
	case metav1.StatusReasonTooManyRequests, metav1.StatusReasonServiceUnavailable, metav1.StatusReasonServerTimeout, metav1.StatusReasonTimeout:
		return true
	}
	return !knownRefusal[status.Reason] && holds(status.Message, electing) && !hooked(status)
}

// electing are etcd's words (etcd api/v3/v3rpc/rpctypes/error.go) and gRPC's, as the API server passes them on in a 500.
var electing = []string{
	"etcdserver: leader changed", "etcdserver: request timed out", "etcdserver: no leader", "etcdserver: too many requests",
	"etcdserver: server stopped", "etcdserver: not healthy", "rpc error: code = Unavailable",
}

// hooked is a 500 because an admission webhook does not answer: it came before the write, and is seldom over in seconds.
func hooked(status *metav1.Status) bool {
	return strings.Contains(status.Message, "failed calling webhook") || strings.Contains(status.Message, "failed to call webhook")
}

// broken says whether a connection ended, or a time limit did.
func broken(err error) bool {
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return true
		}
	}
	var timed net.Error
	return errors.As(err, &timed) && timed.Timeout() || holds(err.Error(), torn)
}

// torn are the words of net/http and golang.org/x/net/http2 for errors that have no exported type, and Windows' for a reset.
var torn = []string{
	"http2: server sent GOAWAY", "http2: client connection lost", "http2: client connection force closed", "connection reset by peer",
	"server closed idle connection", "can't write HTTP request on broken connection", "stream error: stream ID", "unexpected EOF",
	"forcibly closed by the remote host",
}

// distrusted says whether the two sides did not agree on TLS.
func distrusted(err error) bool {
	var (
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		certificate x509.CertificateInvalidError
		verify      *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &certificate) ||
		errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert)
}

// unsent says whether a request of a write cannot have been carried out: the server refused it before it came to that, or
// it was never sent.
func unsent(err error) bool {
	if status := statusOf(err); status != nil {
		switch {
		case status.Code == http.StatusRequestTimeout:
			return false
		case status.Code >= http.StatusBadRequest && status.Code < http.StatusInternalServerError:
			return true
		}
		return status.Code == 0 && knownRefusal[status.Reason] || hooked(status)
	}
	if strings.Contains(err.Error(), "error from a previous attempt") {
		return false // client-go tried more than once (rest/with_retry.go, WrapPreviousError): this is the last failure only
	}
	var op *net.OpError
	var lookup *net.DNSError
	return errors.As(err, &op) && connecting[op.Op] || errors.As(err, &lookup) || distrusted(err)
}

// connecting are the operations before a request can be sent, as net and net/http name them.
var connecting = map[string]bool{"dial": true, "proxyconnect": true, "socks connect": true}

var knownRefusal = map[metav1.StatusReason]bool{
	metav1.StatusReasonForbidden: true, metav1.StatusReasonUnauthorized: true, metav1.StatusReasonInvalid: true, metav1.StatusReasonBadRequest: true,
	metav1.StatusReasonNotFound: true, metav1.StatusReasonAlreadyExists: true, metav1.StatusReasonConflict: true, metav1.StatusReasonTooManyRequests: true,
}

func holds(text string, any []string) bool {
	for _, part := range any {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
