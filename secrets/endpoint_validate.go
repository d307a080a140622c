package secrets

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Validate reports what istiod cannot work with and what would send the token to
// somebody else, as joined *FieldErrors. Warnings reports what may work.
func (e Endpoint) Validate() error {
	if err := e.checkOriginal(); err != nil {
		return err
	}
	return errors.Join(
		e.checkServer(),
		e.checkCA(),
		e.checkServerName(),
		e.checkProxy(),
	)
}

const remedyBrackets = "put the address in brackets: https://[2001:db8::1]:6443"

func (e Endpoint) checkServer() error {
	const field = "Endpoint.Server"
	shown := shownURL(e.Server)
	u, err := url.Parse(e.Server)
	switch {
	case e.Server == "":
		return invalid.Field(field, "", "is empty", "give the API server's URL as the reading istiod reaches it")
	case strings.TrimSpace(e.Server) != e.Server:
		return invalid.Field(field, shown, "begins or ends with a blank or a line end", "remove it")
	case zoneUnescaped(e.Server):
		return invalid.Field(field, shown, "has a zone that is not escaped", "write %25 in place of the %, or leave the zone out: it is the name of an interface in the pod of the reading istiod")
	case bareIPv6(e.Server):
		return invalid.Field(field, shown, "holds an IPv6 address without brackets", remedyBrackets)
	case err != nil || u.Opaque != "" || u.Host == "" && u.Scheme != "https":
		return invalid.Field(field, shown, "is not an https URL", "write https://host:port; without a scheme istiod speaks plain http and sends no token")
	case u.Scheme != "https":
		return invalid.Field(field, shown, "is not https", "write https://host:port; over plain http istiod sends no token")
	case u.User != nil:
		return invalid.Field(field, shown, "holds a user", "leave it out, the token is the credential")
	case strings.ContainsAny(e.Server, "?#"):
		return invalid.Field(field, shown, "has a query or a fragment, which client-go drops", "end it with the host, the port or a path")
	case !cleanPath(u):
		return invalid.Field(field, shown, "has a path that client-go rewrites", "write plain segments, without escapes, empty ones and dots")
	case e.ProxyURL == "" && isOwnServer(u.Hostname()):
		return invalid.Field(field, shown, "is the name by which the reading istiod reaches the API server of its own cluster",
			"give the address of the other cluster's API server; if its certificate names kubernetes.default.svc, set TLSServerName")
	}
	return e.checkHost(field, shown, u, e.ProxyURL == "")
}

// segment is what may stand between two slashes of a path and stays as it is when
// client-go joins and encodes it. An at sign would hide a user of a second URL.
var segment = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=:-]+$`)

// cleanPath reports whether client-go keeps the path of u (rest/request.go joins
// and cleans it).
func cleanPath(u *url.URL) bool {
	if u.Path == "" || u.Path == "/" {
		return true
	}
	for _, s := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(u.EscapedPath(), "/"), "/"), "/") {
		if !segment.MatchString(s) || s == "." || s == ".." {
			return false
		}
	}
	return true
}

func (e Endpoint) checkProxy() error {
	const field = "Endpoint.ProxyURL"
	if e.ProxyURL == "" {
		if !e.ProxyAuth.IsZero() {
			return invalid.Field("Endpoint.ProxyAuth", "", "is set without a proxy", "set ProxyURL, or leave both out")
		}
		return nil
	}
	shown := shownURL(e.ProxyURL)
	u, err := url.Parse(e.ProxyURL)
	switch {
	case strings.TrimSpace(e.ProxyURL) != e.ProxyURL:
		return invalid.Field(field, shown, "begins or ends with a blank or a line end", "remove it")
	case bareIPv6(e.ProxyURL):
		return invalid.Field(field, shown, "holds an IPv6 address without brackets", strings.Replace(remedyBrackets, "https", "http", 1))
	case err != nil || !proxyScheme(u.Scheme):
		return invalid.Field(field, shown, "is not a proxy that istiod can use", "write http://, https:// or socks5://, then host:port; credentials belong in ProxyAuth")
	case u.User != nil && !e.ProxyAuth.IsZero():
		return invalid.Field("Endpoint.ProxyAuth", "", "is set, and ProxyURL holds a user as well", "remove the user from ProxyURL")
	}
	return e.checkHost(field, shown, u, true)
}

// proxyScheme is the list of client-go tools/clientcmd/helpers.go parseProxyURL.
func proxyScheme(scheme string) bool {
	return scheme == "http" || scheme == "https" || scheme == "socks5"
}

// checkHost judges the host of a URL that istiod itself dials, or that its proxy does.
func (e Endpoint) checkHost(field, shown string, u *url.URL, dialled bool) error {
	host := u.Hostname()
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return invalid.Field(field, shown, "has no valid port", "give a port from 1 to 65535")
		}
	}
	if dialled && !e.AllowLoopback && isLoopback(host) {
		return invalid.Field(
			field, shown, "is an address of the local host, where istiod would find only itself",
			"give an address that the reading istiod's pods reach, or set AllowLoopback if it runs on this host")
	}
	addr, err := netip.ParseAddr(host)
	short, numeric := numericAddress(host)
	switch {
	case err == nil && addr.Is4() == strings.HasPrefix(u.Host, "["):
		return invalid.Field(field, shown, "has no valid host", "put an IPv6 address in brackets, and no other host")
	case isNobody(host):
		return invalid.Field(field, shown, "has an address that no server can have", "give the address of one server")
	case err == nil:
		return nil
	case numeric:
		return invalid.Field(field, shown, "has an address that istiod does not read", "write "+short.String())
	case !isHostName(host):
		return invalid.Field(field, shown, "has no valid host", "give a DNS name (one with other letters as xn--…) or an IP address, an IPv6 one in brackets")
	}
	return nil
}

func (e Endpoint) checkServerName() error {
	const field = "Endpoint.TLSServerName"
	name := e.TLSServerName
	addr, err := netip.ParseAddr(name)
	switch {
	case name == "", err == nil && addr.Zone() == "":
		return nil
	case err == nil:
		return invalid.Field(field, name, "has a zone, which no certificate holds", "leave it out, from the % onwardward")
	case strings.ContainsAny(name, "[]"):
		return invalid.Field(field, name, "has brackets", "write the address alone, without brackets and port")
	case strings.Count(name, ":") == 1 && !strings.Contains(name, "/"):
		return invalid.Field(field, name, "has a port", "write the name alone")
	case !isHostName(name):
		return invalid.Field(field, name, "is not a name that a certificate can hold", "give a DNS name or an IP address, without scheme and port")
	}
	return nil
}

// Warnings reports what Validate accepts and nobody can prove from here: what depends
// on a proxy, on the network or on the istiod image. No warning holds a secret.
func (e Endpoint) Warnings() []*FieldError {
	var all []*FieldError
	warn := func(field, value, reason, remedy string) {
		all = append(all, invalid.Field(field, value, reason, remedy))
	}
	server, err := url.Parse(e.Server)
	if err != nil {
		return nil
	}
	if server.Path != "" && server.Path != "/" {
		warn("Endpoint.Server", shownURL(e.Server), "has a path, so a proxy in front of the API server answers: the CA and the authentication are those of the proxy",
			"give the CA of the proxy, and check that it accepts the token: not every proxy accepts the tokens of ServiceAccounts")
	}
	if host := server.Hostname(); e.ProxyURL != "" && (isLoopback(host) || isOwnServer(host)) {
		warn("Endpoint.Server", shownURL(e.Server), "means what it means where the proxy runs, which looks it up", "see that the proxy runs in the other cluster, or on the host of its API server")
	}
	if isLinkLocal(server.Hostname()) {
		warn("Endpoint.Server", shownURL(e.Server), "is a link-local address, which means another machine on each network", "give an address that the pods of the reading istiod can route to")
	}
	proxy, _ := e.Proxy()
	if proxy != nil && proxy.User != nil {
		warn("Endpoint.ProxyURL", e.shownProxy(), "has credentials, which everyone who may read the Secret sees in the kubeconfig",
			"use a proxy that needs none, or limit who may read Secrets in the namespace of istiod")
	}
	if proxy != nil && isLinkLocal(proxy.Hostname()) {
		warn("Endpoint.ProxyURL", e.shownProxy(), "is a link-local address, which means another machine on each network", "give an address that the pods of the reading istiod can route to")
	}
	switch {
	case e.InsecureSkipTLSVerify:
		warn("Endpoint.InsecureSkipTLSVerify", "", "is set, so istiod sends the credential to whoever answers", "give the CA instead")
	case len(e.CA) == 0:
		warn("Endpoint.CA", "", "is empty, so the system roots of the istiod image decide whether istiod trusts the server", "give the authority that signs the server's certificate")
	}
	return all
}
