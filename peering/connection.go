package peering

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/secrets"
)

// Where the address of an API server comes from.
const (
	whoseLink    = "Link.Endpoint, given by the caller"
	whoseCluster = "Cluster.Endpoint"
	whoseOwn     = "the caller's own connection"
)

// whose endpoint of To the link uses.
func (l Link) whose() string {
	if l.Endpoint != nil {
		return whoseLink
	}
	return whoseCluster
}

// at says of a failed connection to e which address that was and whose. Answers of an API server stay as they are.
func at(id ID, whose string, e secrets.Endpoint, err error) error {
	var named *EndpointError
	if err == nil || !connection(err) || errors.As(err, &named) {
		return err
	}
	return &EndpointError{Cluster: id, Whose: whose, Address: hostPort(e.Server, "443"), Proxy: hostPort(e.ProxyURL, "80"), Err: err}
}

// own is at for the caller's own connection, whose address client-go's errors name. Cluster.Endpoint may be another.
func own(c *Cluster, err error) error {
	var named *EndpointError
	var source *sourceError
	if err == nil || !connection(err) || errors.As(err, &named) || errors.As(err, &source) {
		return err
	}
	var request *url.Error
	if errors.As(err, &request) {
		return &EndpointError{Cluster: c.ID, Whose: whoseOwn, Err: err}
	}
	return &EndpointError{Cluster: c.ID, Whose: whoseOwn + "; " + whoseCluster + " is " + cmp.Or(hostPort(c.Endpoint.Server, "443"), "empty"), Err: err}
}

// hostPort is the address in a URL, without user information; "" if there is none that could be read.
func hostPort(raw, port string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	switch {
	case u.Port() != "":
		port = u.Port()
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "socks5":
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// connection tells a failure on the way to an API server from an answer of it.
func connection(err error) bool {
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		return false
	}
	var request *url.Error
	return unreachable(err) || untrusted(err) || errors.As(err, &request) && !errors.Is(err, context.Canceled)
}

// unreachable tells a server that could not be asked from one that answered, badly or not. The end of the caller's own
// context is neither.
func unreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var (
		answer  apierrors.APIStatus
		dial    *net.OpError
		dns     *net.DNSError
		request *url.Error
	)
	switch {
	case err == nil, errors.As(err, &answer), untrusted(err):
		return false
	case errors.As(err, &dial), errors.As(err, &dns):
		return true
	case errors.As(err, &request):
		return request.Timeout() || errors.Is(request.Err, io.EOF) || errors.Is(request.Err, io.ErrUnexpectedEOF)
	}
	return false
}

// untrusted says that somebody answered whose certificate does not verify, or who does not speak TLS.
func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        *net.OpError // crypto/tls reports an alert of the other side as an operation of its own
	)
	return errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &record)
}
