package secrets

import "bytes"

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
