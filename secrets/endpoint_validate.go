package secrets

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Validate reports what istiod could not work with or what would send the token
// astray, as joined *FieldErrors.
func (e Endpoint) Validate() error {
	return errors.Join(
		e.checkServer(),
		e.checkCA(),
		e.checkServerName(),
		e.checkProxy(),
	)
}

func (e Endpoint) checkServer() error {
	const field = "Endpoint.Server"
	shown := redactURL(e.Server)
	u, err := url.Parse(e.Server)
	switch {
	case e.Server == "":
		return invalid.Field(field, "", "is empty", "give the API server's URL as the reading istiod reaches it")
	case err != nil || u.Opaque != "" || u.Host == "" && u.Scheme != "https":
		return invalid.Field(field, shown, "is no https URL", "write https://host:port; without a scheme istiod speaks plain http and sends no token")
	case u.Scheme != "https":
		return invalid.Field(field, shown, "is not https", "write https://host:port; over plain http istiod sends no token")
	case u.User != nil:
		return invalid.Field(field, shown, "holds a user", "leave it out, the token is the credential")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return invalid.Field(field, shown, "has more than a host and a port", "give the API server itself, not a path of a proxy")
	}
	return e.checkHost(field, shown, u)
}

func (e Endpoint) checkProxy() error {
	const field = "Endpoint.ProxyURL"
	if e.ProxyURL == "" {
		return nil
	}
	shown := redactURL(e.ProxyURL)
	u, err := url.Parse(e.ProxyURL)
	if err != nil || !proxyScheme(u.Scheme) {
		return invalid.Field(field, shown, "is no proxy that istiod can use", "write http://, https:// or socks5://, then host:port")
	}
	return e.checkHost(field, shown, u)
}

// proxyScheme is the list of client-go tools/clientcmd/helpers.go parseProxyURL.
func proxyScheme(scheme string) bool {
	return scheme == "http" || scheme == "https" || scheme == "socks5"
}

func (e Endpoint) checkHost(field, shown string, u *url.URL) error {
	host := u.Hostname()
	_, err := netip.ParseAddr(host)
	if err != nil && len(validation.IsDNS1123Subdomain(strings.ToLower(strings.TrimSuffix(host, ".")))) > 0 {
		return invalid.Field(field, shown, "has no valid host", "give a DNS name or an IP address, an IPv6 one in brackets")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return invalid.Field(field, shown, "has no valid port", "give a port from 1 to 65535")
		}
	}
	if !e.AllowLoopback && isLoopback(host) {
		return invalid.Field(
			field, shown, "is an address of the local host, where istiod will find itself",
			"give an address that the reading istiod's pods reach, or set AllowLoopback if it runs on this host")
	}
	return nil
}

func (e Endpoint) checkServerName() error {
	name := e.TLSServerName
	if _, err := netip.ParseAddr(name); name == "" || err == nil {
		return nil
	}
	if len(validation.IsDNS1123Subdomain(strings.ToLower(name))) > 0 {
		return invalid.Field("Endpoint.TLSServerName", name, "is no name that a certificate could hold", "give a DNS name or an IP address, without scheme and port")
	}
	return nil
}

// isLoopback reports whether host means the machine that dials it.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return addr.IsLoopback() || addr.IsUnspecified()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain"
}
