package secrets

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Endpoint is an API server as the reading istiod reaches it. It prints without the
// user and password of the proxy. There is one exception: of an Endpoint in an
// unexported field fmt prints the plain strings. Keep the password in ProxyAuth, which
// hides it there too. Parse and UnmarshalJSON do so.
type Endpoint struct {
	// Server is the URL: https, a host, an optional port and an optional path. A path
	// means a proxy in front of the API server (Rancher, fleet gateways, virtual
	// clusters): the CA and the authentication are those of the proxy.
	Server string `json:"server"`
	// CA is the PEM bundle that verifies Server's certificate. Empty means the
	// system roots of the istiod image.
	CA []byte `json:"ca,omitempty"`
	// TLSServerName is verified instead of Server's host, for a server behind an
	// address that its certificate does not name. Empty means Server's host.
	TLSServerName string `json:"tlsServerName,omitempty"`
	// ProxyURL is the http, https or socks5 proxy that istiod dials Server
	// through (client-go tools/clientcmd/helpers.go). Empty means none but those of
	// istiod's own environment. Put a user and password into ProxyAuth; in the URL they
	// are accepted, and hidden wherever methods can hide them.
	ProxyURL string `json:"proxyURL,omitempty"`
	// ProxyAuth is the user and password for ProxyURL, which then holds none.
	ProxyAuth ProxyAuth `json:"proxyAuth,omitzero"`
	// InsecureSkipTLSVerify sends the token to whoever answers at Server. It
	// excludes CA.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
	// AllowLoopback accepts a Server or ProxyURL at a loopback address, for an
	// istiod on the same host. It is not part of the kubeconfig: Parse never sets it.
	AllowLoopback bool `json:"allowLoopback,omitempty"`
}

// Proxy returns ProxyURL with the user and password of ProxyAuth, for a dialer;
// nil if there is no proxy. The URL is a secret. An error does not repeat it.
func (e Endpoint) Proxy() (*url.URL, error) {
	if e.ProxyURL == "" {
		return nil, nil
	}
	u, err := url.Parse(e.ProxyURL)
	if err != nil {
		return nil, errors.New("secrets: Endpoint.ProxyURL is not a URL")
	}
	if !e.ProxyAuth.IsZero() {
		u.User = e.ProxyAuth.userinfo()
	}
	return u, nil
}

// proxyText is the URL of the proxy as the kubeconfig holds it.
func (e Endpoint) proxyText() string {
	if u, err := e.Proxy(); err == nil && u != nil && !e.ProxyAuth.IsZero() {
		return u.String()
	}
	return e.ProxyURL
}

// Equal reports whether e and o lead istiod to the same server in the same way. It
// ignores AllowLoopback, comments in the CA, and whether the password of the proxy is
// in ProxyURL or in ProxyAuth.
func (e Endpoint) Equal(o Endpoint) bool {
	return e.Server == o.Server && sameCA(e.CA, o.CA) && e.TLSServerName == o.TLSServerName &&
		e.sameProxy(o) && e.InsecureSkipTLSVerify == o.InsecureSkipTLSVerify
}

func (e Endpoint) sameProxy(o Endpoint) bool {
	parts := func(e Endpoint) (string, ProxyAuth) {
		if e.ProxyAuth.IsZero() {
			return splitProxy(e.ProxyURL)
		}
		return e.ProxyURL, e.ProxyAuth
	}
	ours, auth := parts(e)
	theirs, other := parts(o)
	return ours == theirs && auth.Equal(other)
}

func sameCA(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ours, err := certificates(a)
	theirs, otherErr := certificates(b)
	return err == nil && otherErr == nil && slices.EqualFunc(ours, theirs, (*x509.Certificate).Equal)
}

// String describes e in one line, without credentials.
func (e Endpoint) String() string {
	notes := []string{}
	if len(e.CA) > 0 {
		notes = append(notes, "CA sha256:"+fingerprint(string(e.CA)))
	}
	if e.TLSServerName != "" {
		notes = append(notes, "server name "+shownHost(e.TLSServerName))
	}
	if e.ProxyURL != "" {
		notes = append(notes, "through "+e.shownProxy())
	}
	if e.InsecureSkipTLSVerify {
		notes = append(notes, "not verified")
	}
	if len(notes) == 0 {
		return shownURL(e.Server)
	}
	return shownURL(e.Server) + " (" + strings.Join(notes, ", ") + ")"
}

func (e Endpoint) shownProxy() string { return shownURL(e.proxyText()) }

// GoString is String with the type in front.
func (e Endpoint) GoString() string { return fmt.Sprintf("secrets.Endpoint{%q}", e.String()) }

// Format writes String, or GoString for %#v, whatever the verb.
func (e Endpoint) Format(s fmt.State, verb rune) {
	text := e.String()
	if verb == 'v' && s.Flag('#') {
		text = e.GoString()
	}
	_, _ = io.WriteString(s, text)
}

// LogValue returns String.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalText returns String.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// plainEndpoint has no methods.
type plainEndpoint Endpoint

// MarshalJSON writes the fields without credentials, and of CA the certificates
// alone. It writes REDACTED for what it hides. UnmarshalJSON refuses that, so that no
// endpoint loses its password or its CA on the way.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	p := plainEndpoint(e)
	p.Server, p.ProxyURL, p.TLSServerName = shownURL(e.Server), shownURL(e.ProxyURL), shownHost(e.TLSServerName)
	if certs, err := certificates(e.CA); len(e.CA) > 0 && err != nil {
		p.CA = []byte(redacted)
	} else if bytes.Contains(e.CA, []byte("#")) {
		p.CA = nil // a comment may say anything
		for _, cert := range certs {
			p.CA = append(p.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
		}
	}
	return json.Marshal(p)
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses what says REDACTED: that was
// printed and is not the original. It moves a user and password of proxyURL to
// ProxyAuth.
func (e *Endpoint) UnmarshalJSON(data []byte) error {
	p := plainEndpoint(*e)
	if err := json.Unmarshal(data, &p); err != nil {
		return errors.New("secrets: this is not the JSON of an Endpoint, or its proxyAuth was printed and so is hidden: make one with NewProxyAuth")
	}
	if err := Endpoint(p).checkOriginal(); err != nil {
		return err
	}
	if p.ProxyAuth.IsZero() {
		p.ProxyURL, p.ProxyAuth = splitProxy(p.ProxyURL)
	}
	*e = Endpoint(p)
	return nil
}

// MarshalBinary returns the JSON, for encoding/gob and the like.
func (e Endpoint) MarshalBinary() ([]byte, error) { return e.MarshalJSON() }

// UnmarshalBinary reads what MarshalBinary wrote, with the rules of UnmarshalJSON.
func (e *Endpoint) UnmarshalBinary(data []byte) error { return e.UnmarshalJSON(data) }

// checkOriginal refuses what was printed, and so has lost a part.
func (e Endpoint) checkOriginal() error {
	var errs []error
	for _, of := range []struct {
		field  string
		hidden bool
	}{
		{"Endpoint.Server", strings.Contains(e.Server, redacted)},
		{"Endpoint.ProxyURL", strings.Contains(e.ProxyURL, redacted)},
		{"Endpoint.TLSServerName", strings.Contains(e.TLSServerName, redacted)},
		{"Endpoint.CA", bytes.Contains(e.CA, []byte(redacted))},
	} {
		if of.hidden {
			errs = append(errs, invalid.Field(of.field, "", "says "+redacted+": it was printed, and a part of it is hidden", "give the original; the credentials of a proxy belong in ProxyAuth"))
		}
	}
	return errors.Join(errs...)
}
