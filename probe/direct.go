package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Doer is the method of [*http.Client] that [Direct] needs.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Direct sends requests from this process.
type Direct struct {
	Client Doer // nil: a client that follows no redirect, keeps no connection and uses no proxy
}

// Send implements [Sender].
func (d Direct) Send(ctx context.Context, r Request) (Response, error) {
	u, timeout, err := r.parsed()
	if err != nil {
		return Response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return Response{}, invalid.Field("Request.URL", shown(u), "it cannot be requested", "write it like http://httpbin:8000/headers")
	}
	for name, values := range r.Header {
		key := textproto.CanonicalMIMEHeaderKey(name)
		req.Header[key] = append(req.Header[key], values...)
	}
	req.Host = req.Header.Get("Host") // net/http sends no Host from the header
	req.Header.Del("Host")
	client := d.Client
	if client == nil {
		client = plainClient()
	}
	start := time.Now()
	got, err := client.Do(req)
	if err != nil {
		return Response{}, requestError(u, err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, bodyLimit))
	if err != nil {
		return Response{}, requestError(u, err)
	}
	return Response{got.StatusCode, got.Header, body, time.Since(start)}, nil
}

func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// requestError classes an error of this process. url.Error is taken off: it repeats the URL with its query.
func requestError(u *url.URL, err error) *RequestError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &RequestError{Kind: kindOf(err), URL: shown(u), Detail: err.Error(), Err: err}
}

// kindOf is the class of an error of net, crypto/tls or net/http.
func kindOf(err error) Kind {
	var timeout net.Error
	var request *RequestError
	switch {
	case errors.As(err, &request):
		return request.Kind
	case isDNS(err):
		return KindDNS
	case isTLS(err):
		return KindTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return KindTimeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return KindReset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return KindEmpty
	}
	return KindOther
}

func isDNS(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && !dns.IsTimeout
}

func isTLS(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &authority) ||
		errors.As(err, &host) || errors.As(err, &invalid) || strings.Contains(fmt.Sprint(err), "server gave HTTP response to HTTPS client")
}
