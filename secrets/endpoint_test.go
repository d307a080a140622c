package secrets_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

func testCA(t testing.TB) []byte {
	t.Helper()
	ca, err := os.ReadFile("testdata/ca.pem")
	require.NoError(t, err)
	return ca
}

func TestEndpointAccepts(t *testing.T) {
	ca := testCA(t)
	for _, e := range []secrets.Endpoint{
		{Server: "https://10.0.0.1:6443", CA: ca},
		{Server: "https://api.east.example.com"},
		{Server: "https://API.example.com./"},
		{Server: "https://[2001:db8::1]:6443"},
		{Server: "https://10.0.0.1", TLSServerName: "kubernetes.default.svc"},
		{Server: "https://10.0.0.1", TLSServerName: "10.0.0.2"},
		{Server: "https://10.0.0.1", ProxyURL: "http://user:password@proxy:3128"},
		{Server: "https://10.0.0.1", ProxyURL: "https://proxy"},
		{Server: "https://10.0.0.1", ProxyURL: "socks5://proxy:1080"},
		{Server: "https://10.0.0.1", InsecureSkipTLSVerify: true},
		{Server: "https://127.0.0.1:6443", AllowLoopback: true},
		{Server: "https://localhost", ProxyURL: "http://[::1]:1", AllowLoopback: true},
		{Server: "https://localhost.example.com"},
		{Server: "https://10.0.0.1", CA: append([]byte("# a remark\n"), ca...)},
	} {
		require.NoError(t, e.Validate(), "%v", e)
	}
}

func TestEndpointRefuses(t *testing.T) {
	ca := testCA(t)
	good := "https://10.0.0.1:6443"
	for _, c := range []struct {
		name     string
		endpoint secrets.Endpoint
		want     string
	}{
		{"empty", secrets.Endpoint{}, `Endpoint.Server: is empty`},
		{"no scheme", secrets.Endpoint{Server: "gateway"}, `Endpoint.Server "REDACTED": is not an https URL`},
		{"no scheme, port", secrets.Endpoint{Server: "gateway:443"}, `Endpoint.Server "gateway:443": is not an https URL`},
		{"no scheme, IP", secrets.Endpoint{Server: "10.0.0.1:443"}, `is not an https URL`},
		{"http", secrets.Endpoint{Server: "http://gateway"}, `is not https`},
		{"no host", secrets.Endpoint{Server: "https://"}, `has no valid host`},
		{"bad host", secrets.Endpoint{Server: "https://a b"}, `is not an https URL`},
		{"unparsable", secrets.Endpoint{Server: "https://[::1"}, `Endpoint.Server "REDACTED": is not an https URL`},
		{"bad port", secrets.Endpoint{Server: "https://gateway:70000"}, `has no valid port`},
		{"user", secrets.Endpoint{Server: "https://user:password@gateway"}, `Endpoint.Server "https://REDACTED@gateway": holds a user`},
		{"query", secrets.Endpoint{Server: "https://gateway?password=x"}, `Endpoint.Server "https://gateway?REDACTED": has a query`},
		{"fragment", secrets.Endpoint{Server: "https://gateway#password"}, `has a query or a fragment`},
		{"loopback", secrets.Endpoint{Server: "https://127.0.0.1:6443"}, `is an address of the local host`},
		{"loopback net", secrets.Endpoint{Server: "https://127.8.0.1"}, `is an address of the local host`},
		{"localhost", secrets.Endpoint{Server: "https://LocalHost.:6443"}, `is an address of the local host`},
		{"below localhost", secrets.Endpoint{Server: "https://api.localhost"}, `is an address of the local host`},
		{"all addresses", secrets.Endpoint{Server: "https://0.0.0.0:6443"}, `is an address of the local host`},
		{"all IPv6", secrets.Endpoint{Server: "https://[::]:6443"}, `is an address of the local host`},
		{"IPv6 loopback", secrets.Endpoint{Server: "https://[::1]:6443"}, `is an address of the local host`},
		{"mapped all", secrets.Endpoint{Server: "https://[::ffff:0.0.0.0]"}, `is an address of the local host`},
		{"mapped loopback", secrets.Endpoint{Server: "https://[::ffff:127.0.0.1]"}, `is an address of the local host`},
		{"server name", secrets.Endpoint{Server: good, TLSServerName: "https://x"}, `Endpoint.TLSServerName "https://x": is not a name that`},
		{"proxy scheme", secrets.Endpoint{Server: good, ProxyURL: "ftp://user:password@proxy"}, `Endpoint.ProxyURL "ftp://REDACTED@proxy": is not a proxy`},
		{"proxy without scheme", secrets.Endpoint{Server: good, ProxyURL: "user:password@proxy:1"}, `Endpoint.ProxyURL "REDACTED": is not a proxy`},
		{"proxy unparsable", secrets.Endpoint{Server: good, ProxyURL: "http://user:pass word@proxy"}, `Endpoint.ProxyURL "REDACTED": is not a proxy`},
		{"proxy loopback", secrets.Endpoint{Server: good, ProxyURL: "http://localhost:3128"}, `Endpoint.ProxyURL "http://localhost:3128": is an address of the local host`},
		{"proxy host", secrets.Endpoint{Server: good, ProxyURL: "http://:3128"}, `has no valid host`},
		{"CA text", secrets.Endpoint{Server: good, CA: []byte("caData")}, `Endpoint.CA: holds no PEM certificate`},
		{"CA and insecure", secrets.Endpoint{Server: good, CA: ca, InsecureSkipTLSVerify: true}, `Endpoint.CA: is set together with InsecureSkipTLSVerify`},
		{"CA with key", secrets.Endpoint{Server: good, CA: append(ca, pemBlock("EC PRIVATE KEY")...)}, `Endpoint.CA: holds a private key`},
		{"CA with broken key", secrets.Endpoint{Server: good, CA: append(ca, "-----BEGIN PRIVATE KEY-----\nabc"...)}, `Endpoint.CA: holds a private key`},
		{"CA with other block", secrets.Endpoint{Server: good, CA: pemBlock("PUBLIC KEY")}, `Endpoint.CA: holds a PEM block that is not a plain certificate`},
		{"CA not DER", secrets.Endpoint{Server: good, CA: pemBlock("CERTIFICATE")}, `Endpoint.CA: certificate 1 cannot be parsed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.endpoint.Validate()
			require.ErrorContains(t, err, c.want)
			var field *secrets.FieldError
			require.ErrorAs(t, err, &field)
			require.NotEmpty(t, field.Remedy)
			require.NotContains(t, fmt.Sprint(err, c.endpoint), "password")
		})
	}
}

func TestEndpointReportsEverything(t *testing.T) {
	err := secrets.Endpoint{Server: "gateway", ProxyURL: "proxy", TLSServerName: "a b", CA: []byte("x")}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), 4)
	for _, one := range joined.Unwrap() {
		var field *secrets.FieldError
		require.True(t, errors.As(one, &field))
	}
}

func TestEndpointPrints(t *testing.T) {
	e := secrets.Endpoint{
		Server: "https://10.0.0.1:6443", CA: testCA(t), TLSServerName: "kubernetes",
		ProxyURL: "http://user:password@proxy:3128",
	}
	want := "https://10.0.0.1:6443 (CA sha256:f17128fa, server name kubernetes, through http://REDACTED@proxy:3128)"
	require.Equal(t, want, e.String())
	require.Equal(t, want, fmt.Sprintf("%+v", e))
	require.Equal(t, `secrets.Endpoint{"`+want+`"}`, fmt.Sprintf("%#v", e))
	require.Equal(t, want, e.LogValue().String())
	require.Equal(t, "https://10.0.0.1", secrets.Endpoint{Server: "https://10.0.0.1"}.String())
	require.Equal(t, "https://10.0.0.1 (not verified)", secrets.Endpoint{Server: "https://10.0.0.1", InsecureSkipTLSVerify: true}.String())
}

// TestServers is what a Server may be, by class.
func TestServers(t *testing.T) {
	const (
		ok       = ""
		own      = "the reading istiod reaches the API server of its own cluster"
		local    = "is an address of the local host"
		spelling = "has an address that istiod does not read"
		host     = "has no valid host"
		brackets = "put the address in brackets"
		path     = "has a path that client-go rewrites"
		query    = "has a query or a fragment"
		noURL    = "is not an https URL"
		blank    = "begins or ends with a blank or a line end"
		zone     = "has a zone that is not escaped"
		nobody   = "has an address that no server can have"
	)
	for want, servers := range map[string][]string{
		ok: {
			"https://rancher.example/k8s/clusters/c-m-1", "https://rancher.example/k8s/clusters/c-m-1/", "https://10.0.0.1:8443/a/b.c/d_e/~f", "https://connectgateway.example/v1/projects/123/locations/global/memberships/m",
			"https://host.example/api/v1/namespaces/x/services/https:api:443/proxy", "https://[2001:db8::1]:6443/x", "https://10.0.0.1/",
			"https://api_east.example", "https://_api.example", "https://api.example_", "https://API_EAST", "https://a.b.", "https://xn--bcher-kva.example", "https://1a", "https://1.2.3.4.example",
			"https://kubernetes.default-east.example", "https://api.kubernetes.default.svc.example", "https://kubernetes-default.svc", "https://kubernetes.example", "https://kubernetes.other.svc",
			"https://localhost.example", "https://127.0.0.1.example", "https://mylocalhost", "https://10.0.0.1", "https://128.0.0.1", "https://[::2]", "https://169.254.169.254", "https://[fe80::1]",
		},
		own: {
			"https://kubernetes.default.svc", "https://kubernetes.default.svc:443", "https://kubernetes.default.svc:6443", "https://kubernetes.default.svc/", "https://kubernetes.default.svc/x", "https://kubernetes", "https://kubernetes:443",
			"https://kubernetes.default", "https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc.cluster.local.", "https://KUBERNETES.Default.SVC", "https://kubernetes.default.svc.", "https://kubernetes.", "https://kubernetes.default.svc.mesh.example",
		},
		local: {
			"https://127.0.0.1", "https://127.1", "https://127.0.1", "https://2130706433", "https://0x7f000001", "https://0x7f.1", "https://0X7F.0.0.1", "https://0177.0.0.1", "https://017700000001", "https://127.0.0.01", "https://0", "https://0.0.0.0", "https://0x0", "https://00",
			"https://localhost", "https://LOCALHOST:6443", "https://localhost.", "https://a.b.localhost", "https://localhost.localdomain", "https://localhost4", "https://localhost6", "https://localhost6.localdomain6", "https://ip6-localhost", "https://ip6-loopback", "https://kubernetes.docker.internal:6443", "https://Kubernetes.Docker.Internal.",
			"https://[::1]", "https://[::1]:1", "https://[0:0:0:0:0:0:0:1]", "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[::127.0.0.1]", "https://[::1%25lo]", "https://[::%25eth0]", "https://127.0.0.1.",
		},
		spelling: {"https://10.1", "https://167772161", "https://0x0a.0.0.1", "https://010.0.0.1", "https://10.0.0.01"},
		host:     {"https://", "https:///x", "https://a..b", "https://-a", "https://a-", "https://.a", "https://1.2.3.4.5", "https://a,b", "https://bücher.example", "https://a＠b", "https://a]", "https://" + strings.Repeat("a", 64) + ".b", "https://" + strings.Repeat("a.", 127) + "b"},
		brackets: {"https://2001:db8::1:6443", "https://2001:db8::1", "https://::1", "https://fe80::1%25eth0", "https://2001:db8::1:6443/x", "2001:db8::1", "https://::ffff:10.0.0.1:6443"},
		path:     {"https://a//b", "https://a/b//c", "https://a/./b", "https://a/../b", "https://a/b/..", "https://a/%2e%2e/b", "https://a/b%2Fc", "https://a/b c", `https://a/b\c`, "https://a/http://u@b", "https://a/b@c", "https://a//"},
		query:    {"https://a?b", "https://a?", "https://a#b", "https://a#", "https://a/b?c=d"},
		noURL:    {"a", "a:443", "10.0.0.1", "10.0.0.1:443", "https:a", "https://a b", "https://[a", "https://a:x", "https://[host%a]", "https://[2001:db8::1]]"},
		blank:    {" https://a", "https://a\n", "https://a/x\r\n", "\thttps://a", "https://a/ "},
		zone:     {"https://[fe80::1%eth0]", "https://[fe80::1%eth0]:6443", "https://[fe80::1%2]:6443/x"},
		nobody:   {"https://224.0.0.1", "https://239.255.255.250:6443", "https://[ff02::1]", "https://[ff02::1%25eth0]", "https://255.255.255.255", "https://240.0.0.1", "https://0.0.0.1", "https://0.1.2.3", "https://[::ffff:224.0.0.1]"},
	} {
		for _, server := range servers {
			err := secrets.Endpoint{Server: server, CA: testCA(t)}.Validate()
			if want == ok {
				require.NoError(t, err, server)
				continue
			}
			require.ErrorContains(t, err, want, server)
			loud := secrets.Endpoint{Server: server, CA: testCA(t), AllowLoopback: true}.Validate()
			if want != local {
				require.ErrorContains(t, loud, want, "%s: AllowLoopback is for loopback addresses", server)
			}
		}
	}
	require.NoError(t, secrets.Endpoint{Server: "https://10.0.0.1", TLSServerName: "kubernetes.default.svc"}.Validate())
	require.ErrorContains(t, secrets.Endpoint{Server: "https://127.1", AllowLoopback: true}.Validate(), "write 127.0.0.1")
}

func TestProxiesAndServerNames(t *testing.T) {
	for proxy, want := range map[string]string{
		"http://proxy_1.example:3128": "", "http://[2001:db8::1]:3128": "", "http://169.254.1.1": "",
		"http://2001:db8::1:3128": "in brackets", "http://user:pw@2001:db8::1:3128": "in brackets", "http://127.1:3128": "local host", "http://ip6-localhost": "local host", "http://10.1:1": "write 10.0.0.1",
		"http://": "has no valid host", "http://a..b": "has no valid host",
	} {
		err := secrets.Endpoint{Server: "https://10.0.0.1", ProxyURL: proxy}.Validate()
		if want == "" {
			require.NoError(t, err, proxy)
		} else {
			require.ErrorContains(t, err, want, proxy)
		}
	}
	for name, want := range map[string]string{
		"api_east.example": "", "kubernetes.default.svc": "", "10.0.0.1": "", "2001:db8::1": "", "localhost": "", "a.": "",
		"[2001:db8::1]": "brackets", "[2001:db8::1]:6443": "brackets", "api.example:6443": "has a port", "10.0.0.1:6443": "has a port", "fe80::1%eth0": "zone",
		"https://a": "is not a name", "a b": "is not a name", "*.a": "is not a name", "a/b": "is not a name", "10.0.0": "is not a name",
	} {
		err := secrets.Endpoint{Server: "https://10.0.0.1", TLSServerName: name}.Validate()
		if want == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, want, name)
		}
	}
}

func TestEndpointWarnings(t *testing.T) {
	ca := testCA(t)
	for want, e := range map[string]secrets.Endpoint{
		"":                                 {Server: "https://10.0.0.1:6443", CA: ca, ProxyURL: "http://proxy:3128"},
		"Endpoint.Server has a path":       {Server: "https://rancher.example/k8s/clusters/c-m-1", CA: ca},
		"Endpoint.Server means what":       {Server: "https://kubernetes.default.svc", CA: ca, ProxyURL: "socks5://proxy.east.example:1080"},
		"Endpoint.Server means what it":    {Server: "https://127.0.0.1:6443", CA: ca, ProxyURL: "http://jump.east.example:3128"},
		"Endpoint.Server is a link-local":  {Server: "https://169.254.10.1", CA: ca},
		"Endpoint.Server is a link":        {Server: "https://[fe80::1%25eth0]", CA: ca},
		"Endpoint.ProxyURL is a link":      {Server: "https://10.0.0.1", CA: ca, ProxyURL: "http://169.254.1.1"},
		"Endpoint.ProxyURL has credential": {Server: "https://10.0.0.1", CA: ca, ProxyURL: "http://u:p@proxy"},
		"Endpoint.ProxyURL has cred":       {Server: "https://10.0.0.1", CA: ca, ProxyURL: "http://proxy", ProxyAuth: secrets.NewProxyAuth("u", "p")},
		"Endpoint.CA is empty":             {Server: "https://10.0.0.1"},
		"Endpoint.InsecureSkipTLSVerify":   {Server: "https://10.0.0.1", InsecureSkipTLSVerify: true},
	} {
		require.NoError(t, e.Validate())
		warnings := e.Warnings()
		if want == "" {
			require.Empty(t, warnings)
			continue
		}
		require.Len(t, warnings, 1, want)
		require.Contains(t, warnings[0].Field+" "+warnings[0].Reason, want)
		require.NotEmpty(t, warnings[0].Remedy)
	}
	require.Empty(t, secrets.Endpoint{Server: "https://[::1"}.Warnings())
}
