package secrets_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
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
		{"no scheme", secrets.Endpoint{Server: "gateway"}, `Endpoint.Server "gateway": is no https URL`},
		{"no scheme, port", secrets.Endpoint{Server: "gateway:443"}, `Endpoint.Server "gateway:443": is no https URL`},
		{"no scheme, IP", secrets.Endpoint{Server: "10.0.0.1:443"}, `is no https URL`},
		{"http", secrets.Endpoint{Server: "http://gateway"}, `is not https`},
		{"no host", secrets.Endpoint{Server: "https://"}, `has no valid host`},
		{"bad host", secrets.Endpoint{Server: "https://a_b"}, `has no valid host`},
		{"unparsable", secrets.Endpoint{Server: "https://[::1"}, `Endpoint.Server "https://[::1": is no https URL`},
		{"bad port", secrets.Endpoint{Server: "https://gateway:70000"}, `has no valid port`},
		{"user", secrets.Endpoint{Server: "https://user:password@gateway"}, `Endpoint.Server "https://REDACTED@gateway": holds a user`},
		{"path", secrets.Endpoint{Server: "https://gateway/k8s/clusters/c-1"}, `has more than a host and a port`},
		{"query", secrets.Endpoint{Server: "https://gateway?password=x"}, `Endpoint.Server "https://gateway?REDACTED": has more`},
		{"fragment", secrets.Endpoint{Server: "https://gateway#password"}, `has more`},
		{"loopback", secrets.Endpoint{Server: "https://127.0.0.1:6443"}, `is an address of the local host`},
		{"loopback net", secrets.Endpoint{Server: "https://127.8.0.1"}, `is an address of the local host`},
		{"localhost", secrets.Endpoint{Server: "https://LocalHost.:6443"}, `is an address of the local host`},
		{"below localhost", secrets.Endpoint{Server: "https://api.localhost"}, `is an address of the local host`},
		{"all addresses", secrets.Endpoint{Server: "https://0.0.0.0:6443"}, `is an address of the local host`},
		{"all IPv6", secrets.Endpoint{Server: "https://[::]:6443"}, `is an address of the local host`},
		{"IPv6 loopback", secrets.Endpoint{Server: "https://[::1]:6443"}, `is an address of the local host`},
		{"mapped all", secrets.Endpoint{Server: "https://[::ffff:0.0.0.0]"}, `is an address of the local host`},
		{"mapped loopback", secrets.Endpoint{Server: "https://[::ffff:127.0.0.1]"}, `is an address of the local host`},
		{"server name", secrets.Endpoint{Server: good, TLSServerName: "https://x"}, `Endpoint.TLSServerName "https://x": is no name`},
		{"proxy scheme", secrets.Endpoint{Server: good, ProxyURL: "ftp://user:password@proxy"}, `Endpoint.ProxyURL "ftp://REDACTED@proxy": is no proxy`},
		{"proxy without scheme", secrets.Endpoint{Server: good, ProxyURL: "user:password@proxy:1"}, `Endpoint.ProxyURL "REDACTED": is no proxy`},
		{"proxy unparsable", secrets.Endpoint{Server: good, ProxyURL: "http://user:pass word@proxy"}, `Endpoint.ProxyURL "REDACTED": is no proxy`},
		{"proxy loopback", secrets.Endpoint{Server: good, ProxyURL: "http://localhost:3128"}, `Endpoint.ProxyURL "http://localhost:3128": is an address of the local host`},
		{"proxy host", secrets.Endpoint{Server: good, ProxyURL: "http://:3128"}, `has no valid host`},
		{"CA text", secrets.Endpoint{Server: good, CA: []byte("caData")}, `Endpoint.CA: holds no PEM certificate`},
		{"CA and insecure", secrets.Endpoint{Server: good, CA: ca, InsecureSkipTLSVerify: true}, `Endpoint.CA: is set together with InsecureSkipTLSVerify`},
		{"CA with key", secrets.Endpoint{Server: good, CA: append(ca, pemBlock("EC PRIVATE KEY")...)}, `Endpoint.CA: holds a private key`},
		{"CA with broken key", secrets.Endpoint{Server: good, CA: append(ca, "-----BEGIN PRIVATE KEY-----\nabc"...)}, `Endpoint.CA: holds a private key`},
		{"CA with other block", secrets.Endpoint{Server: good, CA: pemBlock("PUBLIC KEY")}, `Endpoint.CA: holds a PEM block that is no plain certificate`},
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

	got, err := json.Marshal(e)
	require.NoError(t, err)
	var back secrets.Endpoint
	require.NoError(t, json.Unmarshal(got, &back))
	require.Equal(t, "http://REDACTED@proxy:3128", back.ProxyURL)
	require.False(t, e.Equal(back))
	back.ProxyURL, back.AllowLoopback = e.ProxyURL, true
	require.True(t, e.Equal(back))

	got, err = json.Marshal(secrets.Endpoint{Server: "https://10.0.0.1", CA: pemBlock("PRIVATE KEY")})
	require.NoError(t, err)
	require.JSONEq(t, `{"server":"https://10.0.0.1"}`, string(got))
}
