package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Dialer is the method of [*net.Dialer] that connects. A dialer of a tunnel or a network namespace fits as well.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// TCP checks that a connection can be opened: check "tcp". That says nothing about who listens.
type TCP struct {
	Address string        // host:port
	Dialer  Dialer        // nil: a plain net.Dialer
	Timeout time.Duration // 0 means 10 s
}

// Probe implements [Prober].
func (t TCP) Probe(ctx context.Context) Result {
	start := time.Now()
	ctx, cancel := limited(ctx, t.Timeout)
	defer cancel()
	conn, err := dial(ctx, t.Dialer, t.Address)
	if err != nil {
		return failed("tcp", t.Address, start, Sighting{Err: err})
	}
	defer conn.Close()
	return Result{
		Check: "tcp", Target: t.Address, Status: Passed, Took: time.Since(start),
		Summary: fmt.Sprintf("%s accepts connections", t.Address),
	}
}

func dial(ctx context.Context, d Dialer, address string) (net.Conn, error) {
	if d == nil {
		d = &net.Dialer{}
	}
	return d.DialContext(ctx, "tcp", address)
}

func limited(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = requestTimeout
	}
	return context.WithTimeout(ctx, timeout)
}

// TLS checks that a server presents a certificate which the roots verify for the server name: check "tls". The result
// names subject, issuer and names of the certificate also when it is refused. Verification is never switched off: a
// connection that is refused is only looked at. With TLS 1.3 a server may refuse the client's certificate later, on
// the first byte read; this check does not see that.
type TLS struct {
	Address     string           // host:port
	ServerName  string           // the name to verify, also sent as SNI; "" means the host of Address
	Roots       *x509.CertPool   // nil: those of the system
	Certificate *tls.Certificate // the client's, if the server asks for one
	Dialer      Dialer           // nil: a plain net.Dialer
	Timeout     time.Duration    // 0 means 10 s
}

// Probe implements [Prober].
func (t TLS) Probe(ctx context.Context) Result {
	start := time.Now()
	ctx, cancel := limited(ctx, t.Timeout)
	defer cancel()
	conn, err := dial(ctx, t.Dialer, t.Address)
	if err != nil {
		return failed("tls", t.Address, start, Sighting{Err: err})
	}
	defer conn.Close()
	config := t.config()
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return t.refused(start, config.ServerName, err)
	}
	return Result{
		Check: "tls", Target: t.Address, Status: Passed, Took: time.Since(start),
		Summary: "verified for " + config.ServerName + ": " + describe(client.ConnectionState().PeerCertificates),
	}
}

func (t TLS) config() *tls.Config {
	config := &tls.Config{RootCAs: t.Roots, ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if config.ServerName == "" {
		config.ServerName = t.Address
		if host, _, err := net.SplitHostPort(t.Address); err == nil {
			config.ServerName = host
		}
	}
	if t.Certificate != nil {
		config.Certificates = []tls.Certificate{*t.Certificate}
	}
	return config
}

// refused is the result of a handshake that did not come to its end.
func (t TLS) refused(start time.Time, name string, err error) Result {
	r := failed("tls", t.Address, start, Sighting{Err: err})
	refused, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return r
	}
	r.Summary = "not verified for " + name + ": " + describe(refused.UnverifiedCertificates)
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &host):
		r.Hint = "the certificate is for other names: set ServerName to one that it has"
	case errors.As(err, &authority):
		r.Hint = "the roots do not hold the issuer: give the CA of the server that answers there"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		r.Hint = "the certificate is expired or not valid yet: renew it, and compare the clocks"
	}
	return r
}

// describe tells what the server presented: names from the certificate are quoted as they are, they are public.
func describe(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "no certificate"
	}
	leaf := chain[0]
	var text strings.Builder
	text.WriteString("certificate of " + orNone(leaf.Subject.String()) + " issued by " + orNone(leaf.Issuer.String()))
	text.WriteString(", for " + orNone(strings.Join(names(leaf), ", ")))
	text.WriteString(", until " + leaf.NotAfter.UTC().Format(time.RFC3339))
	for _, above := range chain[1:] {
		text.WriteString("; sent with " + orNone(above.Subject.String()))
	}
	return text.String()
}

// names are the subject alternative names.
func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	for _, uri := range c.URIs {
		all = append(all, uri.Redacted())
	}
	return append(all, c.EmailAddresses...)
}

func orNone(s string) string {
	if s == "" {
		return "(no name)"
	}
	return s
}
