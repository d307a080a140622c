package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Endpoint is an API server as the reading istiod reaches it. It prints without
// the user and password of ProxyURL; code that puts an Endpoint into an
// unexported field and prints the whole must see to that itself.
type Endpoint struct {
	// Server is the URL: https, a host and an optional port, nothing else.
	Server string `json:"server"`
	// CA is the PEM bundle that verifies Server's certificate. Empty means the
	// system roots of the istiod image.
	CA []byte `json:"ca,omitempty"`
	// TLSServerName is verified instead of Server's host, for a server behind an
	// address that its certificate does not name. Empty means Server's host.
	TLSServerName string `json:"tlsServerName,omitempty"`
	// ProxyURL is the http, https or socks5 proxy that istiod dials Server
	// through (client-go tools/clientcmd/helpers.go); a user and password in it are
	// a secret. Empty means none but those of istiod's own environment.
	ProxyURL string `json:"proxyURL,omitempty"`
	// InsecureSkipTLSVerify sends the token to whoever answers at Server. It
	// excludes CA.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
	// AllowLoopback accepts a Server or ProxyURL at a loopback address, for an
	// istiod on the same host. It is no part of the kubeconfig: Parse never sets it.
	AllowLoopback bool `json:"allowLoopback,omitempty"`
}

// Equal reports whether e and o lead istiod to the same server in the same way.
// AllowLoopback does not count.
func (e Endpoint) Equal(o Endpoint) bool {
	return e.Server == o.Server && bytes.Equal(e.CA, o.CA) && e.TLSServerName == o.TLSServerName &&
		e.ProxyURL == o.ProxyURL && e.InsecureSkipTLSVerify == o.InsecureSkipTLSVerify
}

// String describes e in one line, without credentials.
func (e Endpoint) String() string {
	notes := []string{}
	if len(e.CA) > 0 {
		notes = append(notes, "CA sha256:"+fingerprint(string(e.CA)))
	}
	if e.TLSServerName != "" {
		notes = append(notes, "server name "+e.TLSServerName)
	}
	if e.ProxyURL != "" {
		notes = append(notes, "through "+redactURL(e.ProxyURL))
	}
	if e.InsecureSkipTLSVerify {
		notes = append(notes, "not verified")
	}
	if len(notes) == 0 {
		return redactURL(e.Server)
	}
	return redactURL(e.Server) + " (" + strings.Join(notes, ", ") + ")"
}

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

// MarshalJSON writes the fields without the user information of a URL and
// without anything but certificates in CA.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	type plain Endpoint // has no methods
	p := plain(e)
	p.Server, p.ProxyURL = redactURL(e.Server), redactURL(e.ProxyURL)
	if bytes.Contains(e.CA, []byte("PRIVATE KEY")) {
		p.CA = nil
	}
	return json.Marshal(p)
}
