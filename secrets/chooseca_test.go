package secrets_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

const apiServer = "https://api.east.example.com:6443"

func TestChooseCA(t *testing.T) {
	right, wrong := newAuthority(t, "right"), newAuthority(t, "wrong")
	s := serveTLS(t, right.issue(t, "api.east.example.com", "10.9.9.9"))
	candidates := []secrets.CandidateCA{
		{Name: "system roots"},
		{Name: "broken", PEM: []byte("caData")},
		{Name: "token Secret", PEM: wrong.pem},
		{Name: "kube-root-ca.crt", PEM: append(append([]byte{}, wrong.pem...), right.pem...)},
		{Name: "kubeconfig", PEM: right.pem},
	}
	for e, asked := range map[*secrets.Endpoint]string{
		{Server: apiServer}:          "api.east.example.com",
		{Server: "https://10.9.9.9"}: "",
		{Server: "https://10.0.0.1", TLSServerName: "api.east.example.com"}: "api.east.example.com",
	} {
		t.Run(e.String(), func(t *testing.T) {
			got, err := secrets.ChooseCA(t.Context(), *e, candidates, secrets.ChooseOptions{Dial: s.dial})
			require.NoError(t, err)
			require.Equal(t, asked, s.name.Load())
			require.Equal(t, "kube-root-ca.crt", got.Name)
			require.Equal(t, candidates[3].PEM, got.PEM)
			require.False(t, got.Unknown)
			require.Contains(t, got.Why, `"CN=right" has issued`)
			require.Len(t, got.Refused, 3)
			require.EqualError(t, got.Refused[1].Err, "it holds no PEM certificate")
			require.ErrorAs(t, got.Refused[2].Err, new(x509.UnknownAuthorityError))
		})
	}
	require.Zero(t, s.requests.Load(), "nothing but a handshake")
}

func TestChooseCAExplicit(t *testing.T) {
	right, wrong := newAuthority(t, "right"), newAuthority(t, "wrong")
	s := serveTLS(t, right.issue(t, "api.east.example.com"))
	opts := secrets.ChooseOptions{Dial: s.dial}
	got, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer, CA: right.pem}, nil, opts)
	require.NoError(t, err)
	require.Equal(t, "Endpoint.CA", got.Name)

	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer, CA: wrong.pem},
		[]secrets.CandidateCA{{Name: "kubeconfig", PEM: right.pem}}, opts)
	var refused *secrets.CAError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "kubeconfig", refused.Fits)
	require.ErrorContains(t, err, "use that of kubeconfig, which does, or leave Endpoint.CA empty")
}

func TestChooseCARefusesAll(t *testing.T) {
	right, wrong := newAuthority(t, "right"), newAuthority(t, "wrong")
	s := serveTLS(t, right.issue(t, "kubernetes", "10.96.0.1"))
	opts := secrets.ChooseOptions{Dial: s.dial}

	_, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer}, []secrets.CandidateCA{{Name: "token Secret", PEM: wrong.pem}}, opts)
	require.ErrorContains(t, err, `it presents the certificate "CN=server", issued by "CN=right", valid for [kubernetes 10.96.0.1] (token Secret: x509:`)

	s = serveTLS(t, right.issue(t, "api.east.example.com"))
	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer}, []secrets.CandidateCA{{Name: "token Secret", PEM: wrong.pem}}, secrets.ChooseOptions{Dial: s.dial})
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	require.ErrorContains(t, err, "set Endpoint.CA to the certificate of that issuer")

	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer}, nil, opts)
	require.ErrorContains(t, err, "(no CA to try)")
}

func TestChooseCAWrongName(t *testing.T) {
	right := newAuthority(t, "right")
	s := serveTLS(t, right.issue(t, "kubernetes", "10.96.0.1"))
	_, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer},
		[]secrets.CandidateCA{{Name: "kubeconfig", PEM: right.pem}}, secrets.ChooseOptions{Dial: s.dial})
	var refused *secrets.CAError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"kubernetes", "10.96.0.1"}, refused.SANs)
	require.Equal(t, "api.east.example.com", refused.Name)
	require.Equal(t, apiServer, refused.Address)
	require.ErrorAs(t, err, new(x509.HostnameError))
	require.ErrorContains(t, err, "set Endpoint.TLSServerName to one of these names")
}

func TestChooseCAUnreachable(t *testing.T) {
	ca := newAuthority(t, "right").pem
	refusing := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	opts := secrets.ChooseOptions{Dial: refusing}
	got, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer, CA: ca}, nil, opts)
	require.NoError(t, err)
	require.True(t, got.Unknown)
	require.Equal(t, ca, got.PEM)
	require.Equal(t, "given, and unreachable from here: connection refused", got.Why)

	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer}, []secrets.CandidateCA{{Name: "kubeconfig", PEM: ca}}, opts)
	require.ErrorIs(t, err, secrets.ErrUnreachable)
	require.EqualError(t, err, "secrets: no CA can be chosen for "+apiServer+": unreachable from here: connection refused; give Endpoint.CA")

	// Not TLS at all, on the default dialer.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			_, _ = conn.Write([]byte("220 mail\r\n"))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: "https://" + listener.Addr().String(), AllowLoopback: true}, nil, secrets.ChooseOptions{})
	require.ErrorIs(t, err, secrets.ErrUnreachable)
}

func TestChooseCATimesOut(t *testing.T) {
	hanging := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ca := newAuthority(t, "right").pem
	e := secrets.Endpoint{Server: apiServer, CA: ca}
	got, err := secrets.ChooseCA(t.Context(), e, nil, secrets.ChooseOptions{Dial: hanging, Timeout: time.Millisecond})
	require.NoError(t, err)
	require.True(t, got.Unknown)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = secrets.ChooseCA(ctx, e, nil, secrets.ChooseOptions{Dial: hanging})
	require.ErrorIs(t, err, context.Canceled)
}

func TestChooseCADialsNobody(t *testing.T) {
	never := func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialed")
		return nil, errors.New("never")
	}
	got, err := secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: apiServer, InsecureSkipTLSVerify: true}, nil, secrets.ChooseOptions{Dial: never})
	require.NoError(t, err)
	require.True(t, got.Unknown)
	require.Empty(t, got.PEM)
	_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: "gateway"}, nil, secrets.ChooseOptions{Dial: never})
	require.ErrorAs(t, err, new(*secrets.FieldError))
}
