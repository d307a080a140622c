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
	return examine("tcp", t.Address, func() Result {
		ctx, cancel := limited(ctx, t.Timeout)
		defer cancel()
		conn, err := dial(ctx, t.Dialer, t.Address)
		if err != nil {
			return failed(Sighting{Err: err})
		}
		defer conn.Close()
		return Result{Status: Passed, Summary: fmt.Sprintf("%s accepts connections", brief(t.Address, 200))}
	})
}

func dial(ctx context.Context, d Dialer, address string) (net.Conn, error) {
	if missing(d) {
		d = &net.Dialer{}
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil && kindOf(err) == KindTimeout {
		err = &net.OpError{Op: "dial", Net: "tcp", Err: err} // a dialer of the caller's need not say what took so long
	}
	return conn, err
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
	return examine("tls", t.Address, func() Result {
		ctx, cancel := limited(ctx, t.Timeout)
		defer cancel()
		conn, err := dial(ctx, t.Dialer, t.Address)
		if err != nil {
			return failed(Sighting{Err: err})
		}
		defer conn.Close()
		config := t.config()
		client := tls.Client(conn, config)
		if err := client.HandshakeContext(ctx); err != nil {
			return notVerified(config.ServerName, err)
		}
		return Result{Status: Passed, Summary: "verified for " + brief(config.ServerName, 60) + ": " + describe(client.ConnectionState().PeerCertificates)}
	})
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

// notVerified is the result of a handshake that did not come to its end.
func notVerified(name string, err error) Result {
	r := failed(Sighting{Err: err})
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		r.Hint = Diagnose(Sighting{Err: err}).Cause + ": " + r.Hint // the summary shows the certificate instead
		r.Summary = "not verified for " + brief(name, 60) + ": " + describe(refused.UnverifiedCertificates)
	}
	return r
}

// describe tells what the server presented: names from the certificate are public, and whoever made it chose them.
func describe(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "no certificate"
	}
	leaf := chain[0]
	text := "certificate of " + orNone(leaf.Subject.String()) + " issued by " + orNone(leaf.Issuer.String()) +
		", for " + firstOf(names(leaf), 5, 60) + ", until " + leaf.NotAfter.UTC().Format(time.RFC3339)
	if len(chain) > 1 {
		text += "; sent with " + orNone(chain[1].Subject.String())
	}
	if len(chain) > 2 {
		text += fmt.Sprintf(" and %d more", len(chain)-2)
	}
	return text
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

// orNone is a name that a certificate gives, short.
func orNone(s string) string {
	if s == "" {
		return "(no name)"
	}
	return brief(s, 60)
}

// firstOf lists the first of names, each short, and how many more there are.
func firstOf(names []string, most, limit int) string {
	if len(names) == 0 {
		return "(no name)"
	}
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, brief(name, limit))
	}
	if more := len(names) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}
