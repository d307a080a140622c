package probe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

var (
	_ probe.Dialer = (*net.Dialer)(nil)
	_ probe.Prober = probe.Ladder{}
)

// dialing is a dialer that always ends in the error.
type dialing struct{ err error }

func (d dialing) DialContext(context.Context, string, string) (net.Conn, error) { return nil, d.err }

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := probe.TCP{Address: listener.Addr().String()}.Probe(t.Context())
	require.Equal(t, probe.Passed, r.Status, r)
	require.NoError(t, listener.Close())

	r = probe.TCP{Address: listener.Addr().String(), Timeout: time.Minute}.Probe(t.Context())
	require.Equal(t, probe.Failed, r.Status)
	require.Contains(t, r.Summary, "nothing listens")

	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"dns":      {&net.DNSError{Err: "no such host", Name: "httpbin", IsNotFound: true}, "the client's cluster has no address for the name"},
		"timeout":  {context.DeadlineExceeded, "nothing answered in time"},
		"canceled": {context.Canceled, "the caller ended it"},
		"other":    {errors.New("odd"), "it fits none of the known symptoms"},
	} {
		t.Run(name, func(t *testing.T) {
			r := probe.TCP{Address: "httpbin:8000", Dialer: dialing{tt.err}}.Probe(t.Context())
			require.ErrorIs(t, r.Err, tt.err)
			require.Contains(t, r.Summary, tt.want)
			require.NotEmpty(t, r.Hint)
		})
	}
}

// certificate makes a CA and a certificate of it, good for an hour before until.
func certificate(t *testing.T, until time.Time, names []string, uri string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mesh root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: until.Add(-2 * time.Hour), NotAfter: until.Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	caRaw, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(10, 9, 0, 1)},
		NotBefore: until.Add(-time.Hour), NotAfter: until,
	}
	if uri != "" {
		parsed, err := url.Parse(uri)
		require.NoError(t, err)
		leaf.URIs = []*url.URL{parsed}
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(caRaw)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool, tls.Certificate{Certificate: [][]byte{raw, caRaw}, PrivateKey: key}
}

// serveTLS accepts connections until the test ends.
func serveTLS(t *testing.T, c tls.Certificate) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}})
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestTLS(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	roots, good := certificate(t, soon, []string{"api.cluster-1"}, sleepID.String())
	_, expired := certificate(t, time.Now().Add(-time.Minute), []string{"api.cluster-1"}, "")
	others, _ := certificate(t, soon, nil, "")
	for _, tt := range []struct {
		name    string
		serves  tls.Certificate
		probe   probe.TLS
		status  probe.Status
		summary string
		hint    string
	}{
		{
			"verified", good,
			probe.TLS{ServerName: "api.cluster-1", Roots: roots, Certificate: &good},
			probe.Passed,
			"verified for api.cluster-1: certificate of CN=kube-apiserver issued by CN=mesh root, for api.cluster-1, 10.9.0.1, spiffe://cluster.local/ns/default/sa/sleep, until " + soon.UTC().Format(time.RFC3339) + "; sent with CN=mesh root", "",
		},
		{"other name", good, probe.TLS{ServerName: "api.cluster-2", Roots: roots}, probe.Failed, "not verified for api.cluster-2: certificate of CN=kube-apiserver", "the certificate is for other names: set ServerName to one that it has"},
		{"the address as name", good, probe.TLS{Roots: roots}, probe.Failed, "not verified for 127.0.0.1", "the certificate is for other names: set ServerName to one that it has"},
		{"other root", good, probe.TLS{ServerName: "api.cluster-1", Roots: others}, probe.Failed, "issued by CN=mesh root", "the roots do not hold the issuer: give the CA of the server that answers there"},
		{"expired", expired, probe.TLS{ServerName: "api.cluster-1", Roots: roots}, probe.Failed, "not verified", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.probe.Address = serveTLS(t, tt.serves)
			r := tt.probe.Probe(t.Context())
			require.Equal(t, tt.status, r.Status, r)
			require.Contains(t, r.Summary, tt.summary)
			if tt.status == probe.Failed {
				require.NotEmpty(t, r.Hint)
				var refused *tls.CertificateVerificationError
				require.ErrorAs(t, r.Err, &refused)
			}
			if tt.hint != "" {
				require.Equal(t, tt.hint, r.Hint)
			}
		})
	}
	t.Run("expired under its own root", func(t *testing.T) {
		roots, expired := certificate(t, time.Now().Add(-time.Minute), []string{"api"}, "")
		r := probe.TLS{Address: serveTLS(t, expired), ServerName: "api", Roots: roots}.Probe(t.Context())
		require.Equal(t, "the certificate is expired or not valid yet: renew it, and compare the clocks", r.Hint)
	})
	t.Run("not TLS at all", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		go func() {
			if conn, err := listener.Accept(); err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				_ = conn.Close()
			}
		}()
		r := probe.TLS{Address: listener.Addr().String(), Roots: roots}.Probe(t.Context())
		require.Equal(t, probe.Failed, r.Status)
		require.Contains(t, r.Summary, "does not speak TLS")
	})
	t.Run("no connection", func(t *testing.T) {
		r := probe.TLS{Address: "api:443", Dialer: dialing{errors.New("odd")}}.Probe(t.Context())
		require.Equal(t, probe.Failed, r.Status)
	})
}
