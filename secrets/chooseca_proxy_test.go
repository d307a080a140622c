package secrets_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestChooseCAThroughProxies(t *testing.T) {
	right := newAuthority(t, "right")
	s := serveTLS(t, right.issue(t, "api.east.example.com"))
	proxyCert := right.issue(t, "127.0.0.1")
	plain, secure := serveProxy(t, nil, s.addr), serveProxy(t, &proxyCert, s.addr)
	candidates := []secrets.CandidateCA{{Name: "kubeconfig", PEM: right.pem}}
	for _, url := range []string{
		"http://user:password@" + plain.addr,
		"https://user:password@" + secure.addr,
		"socks5://" + serveSOCKS(t, s.addr),
	} {
		t.Run(url[:5], func(t *testing.T) {
			got, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer, ProxyURL: url, AllowLoopback: true}, candidates, secrets.ChooseOptions{})
			require.NoError(t, err)
			require.Equal(t, "kubeconfig", got.Name)
			require.NotContains(t, fmt.Sprint(got), "password")
		})
	}
	for _, p := range []*proxy{plain, secure} {
		require.Equal(t, "api.east.example.com:6443", <-p.asked)
		require.Equal(t, "Basic dXNlcjpwYXNzd29yZA==", <-p.user)
	}
	require.Zero(t, s.requests.Load())
}

func TestChooseCAKeepsThePasswordFromAnUnverifiedProxy(t *testing.T) {
	right, wrong := newAuthority(t, "right"), newAuthority(t, "wrong")
	s := serveTLS(t, right.issue(t, "api.east.example.com"))
	cert := wrong.issue(t, "127.0.0.1")
	p := serveProxy(t, &cert, s.addr)
	_, err := secrets.ChooseCA(t.Context(),
		secrets.Endpoint{Server: apiServer, ProxyURL: "https://user:password@" + p.addr, AllowLoopback: true},
		[]secrets.CandidateCA{{Name: "kubeconfig", PEM: right.pem}}, secrets.ChooseOptions{})
	var refused *secrets.CAError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "https://REDACTED@"+p.addr, refused.Address)
	require.Equal(t, "127.0.0.1", refused.Name)
	require.Empty(t, p.asked)
	require.NotContains(t, fmt.Sprint(err), "password")
}

func TestChooseCARefusedByTheProxy(t *testing.T) {
	p := serveProxy(t, nil, "")
	_, err := secrets.ChooseCA(t.Context(),
		secrets.Endpoint{Server: apiServer, ProxyURL: "http://user:password@" + p.addr, AllowLoopback: true}, nil, secrets.ChooseOptions{})
	require.ErrorIs(t, err, secrets.ErrUnreachable)
	require.ErrorContains(t, err, "Proxy Authentication Required")
	require.NotContains(t, err.Error(), "password")
}

// TestChooseCAWithAnExplicitCA: no other candidate vouches for the proxy, which would get the password.
func TestChooseCAWithAnExplicitCA(t *testing.T) {
	right, other := newAuthority(t, "right"), newAuthority(t, "other")
	s := serveTLS(t, right.issue(t, "api.east.example.com"))
	cert := other.issue(t, "127.0.0.1")
	p := serveProxy(t, &cert, s.addr)
	candidates := []secrets.CandidateCA{{Name: "kubeconfig", PEM: other.pem}, {Name: "both", PEM: append(right.pem[:len(right.pem):len(right.pem)], other.pem...)}}
	for _, e := range []secrets.Endpoint{
		{Server: apiServer, ProxyURL: "https://user:password@" + p.addr, CA: right.pem, AllowLoopback: true},
		{Server: apiServer, ProxyURL: "https://" + p.addr, ProxyAuth: secrets.NewProxyAuth("user", "password"), CA: right.pem, AllowLoopback: true},
	} {
		_, err := secrets.ChooseCA(t.Context(), e, candidates, secrets.ChooseOptions{})
		var refused *secrets.CAError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "https://REDACTED@"+p.addr, refused.Address)
		require.Equal(t, "kubeconfig", refused.Fits)
		require.Empty(t, p.asked, "the password stays here")

		e.CA = candidates[1].PEM
		choice, err := secrets.ChooseCA(t.Context(), e, nil, secrets.ChooseOptions{})
		require.NoError(t, err)
		require.Equal(t, "Endpoint.CA", choice.Name)
		require.Equal(t, "api.east.example.com:6443", <-p.asked)
		require.Equal(t, "Basic dXNlcjpwYXNzd29yZA==", <-p.user)
	}
}
