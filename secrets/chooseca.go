package secrets

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// CandidateCA is an authority that might have signed a server's certificate.
type CandidateCA struct {
	// Name says where it is from, such as "ConfigMap kube-root-ca.crt".
	Name string
	// PEM is the bundle. Empty means the system roots, those of this machine here
	// and those of its image for istiod.
	PEM []byte
}

// ChooseOptions say how ChooseCA reaches the server.
type ChooseOptions struct {
	// Dial opens the TCP connection, to the proxy if there is one. Default: a
	// net.Dialer's DialContext.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeout for all of it. Default 10s.
	Timeout time.Duration
}

// CAChoice is the CA for an Endpoint.
type CAChoice struct {
	// Name is the candidate's, or Endpoint.CA.
	Name string
	// PEM is the bundle for Endpoint.CA; empty for the system roots.
	PEM []byte
	// Unknown says that the choice could not be proved from here.
	Unknown bool
	// Why is the reason of the choice, in one line.
	Why string
	// Refused are the candidates that did not verify the server.
	Refused []RefusedCA
}

// RefusedCA is a CA that does not verify a server, and why.
type RefusedCA struct {
	// Name is the candidate's.
	Name string
	// Err is the reason, usually an error of crypto/x509.
	Err error
}

// ErrUnreachable says that a server did not answer a TLS dial from here.
var ErrUnreachable = errors.New("unreachable from here")

// ChooseCA finds the CA that verifies e.Server as istiod will: with
// e.TLSServerName and through e.ProxyURL. istioctl takes the ca.crt of the
// account's token Secret, which is wrong behind a proxy or a load balancer that
// ends TLS (Istio istioctl/pkg/multicluster/remote_secret.go).
//
// If e.CA is set, it is the only choice. Otherwise the first candidate that verifies
// the server is chosen. ChooseCA makes one TLS handshake and breaks it off: it sends
// no token and no HTTP request. It sends the proxy's credentials only to a proxy
// without TLS, or to one that e.CA (without it, a candidate) verifies. It does not
// use the proxies of the environment.
//
// The error is a *CAError if the server answers and no CA verifies it. If it does
// not answer, a given e.CA is chosen as Unknown, because istiod may reach what we
// cannot; without one the error is ErrUnreachable. With InsecureSkipTLSVerify it
// dials nothing and the choice is Unknown.
func ChooseCA(ctx context.Context, e Endpoint, candidates []CandidateCA, opts ChooseOptions) (CAChoice, error) {
	if err := e.Validate(); err != nil {
		return CAChoice{}, err
	}
	if e.InsecureSkipTLSVerify {
		return CAChoice{Unknown: true, Why: "Endpoint.InsecureSkipTLSVerify is set: istiod verifies nothing"}, nil
	}
	explicit := len(e.CA) > 0
	if explicit {
		candidates = append([]CandidateCA{{Name: "Endpoint.CA", PEM: e.CA}}, candidates...)
	}
	trials := newTrials(candidates, explicit)
	server, _ := url.Parse(e.Server) // Validate has parsed it
	seen, err := handshake(ctx, e, server, trials, opts)
	switch {
	case err != nil && ctx.Err() != nil:
		return CAChoice{}, fmt.Errorf("secrets: choosing a CA for %s: %w", shownURL(e.Server), context.Cause(ctx))
	case err != nil && explicit:
		return CAChoice{Name: "Endpoint.CA", PEM: e.CA, Unknown: true, Why: fmt.Sprintf("given, and %v: %v", ErrUnreachable, err)}, nil
	case err != nil:
		return CAChoice{}, fmt.Errorf("secrets: no CA can be chosen for %s: %w: %w; give Endpoint.CA", shownURL(e.Server), ErrUnreachable, err)
	}
	return trials.choose(seen)
}

// peer is a server or proxy that presented its certificates.
type peer struct {
	name  string // the name to verify
	what  string // the address, for people
	chain []*x509.Certificate
}
