package peering_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// failures are what can become of a connection before an API server answers, and whether that is for sure.
func failures() map[string]struct {
	err     error
	certain bool
} {
	type failure = struct {
		err     error
		certain bool
	}
	request := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://198.51.100.7:6443/apis/authentication.k8s.io/v1/selfsubjectreviews", Err: err}
	}
	return map[string]failure{
		"refused":           {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, false},
		"refused, client":   {request(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}), false},
		"no such host":      {request(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "west.example", IsNotFound: true}}), false},
		"bare DNS":          {&net.DNSError{Err: "no such host", Name: "west.example"}, false},
		"timeout":           {request(os.ErrDeadlineExceeded), false},
		"reset":             {request(&net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}), false},
		"closed":            {request(io.EOF), false},
		"proxy":             {request(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}), false},
		"unknown authority": {request(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), true},
		"another host":      {request(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "west.example"}), true},
		"alert":             {request(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}), true},
		"no TLS":            {request(errors.New("http: server gave HTTP response to HTTPS client")), true},
	}
}

// TestConnectionErrorNamesTheEndpoint: which address, whose, through which proxy, and not the proxy's password.
func TestConnectionErrorNamesTheEndpoint(t *testing.T) {
	password := rand.Text()
	custom := secrets.Endpoint{Server: "https://198.51.100.7:6443", InsecureSkipTLSVerify: true}
	proxied := custom
	proxied.ProxyURL = "http://user:" + password + "@proxy.example:3128"
	for name, failure := range failures() {
		for whose, tt := range map[string]struct {
			endpoint *secrets.Endpoint
			want     []string
		}{
			"Link.Endpoint":    {&custom, []string{`API server of "west" at 198.51.100.7:6443 (Link.Endpoint, given by the caller)`}},
			"through a proxy":  {&proxied, []string{`at 198.51.100.7:6443 through the proxy proxy.example:3128 (Link.Endpoint`}},
			"Cluster.Endpoint": {nil, []string{`API server of "west" at `, `.example:6443 (Cluster.Endpoint)`}},
		} {
			t.Run(name+" "+whose, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					_, err := new(peering.Peering).Ensure(t.Context(), link)
					require.NoError(t, err)
					broken := *west.Cluster
					broken.As = func(secrets.Endpoint, secrets.Token) (peering.Objects, error) { return failing{err: failure.err}, nil }
					link = peering.Link{From: east.Cluster, To: &broken, Endpoint: tt.endpoint}
					report, err := new(peering.Peering).Verify(t.Context(), link)
					got := result(t, report, "credential")
					require.Equal(t, failure.certain, got.Status == probe.Failed, "%s %v", got.Status, got.Err)
					require.Equal(t, !failure.certain, got.Status == probe.Unknown, "%s %v", got.Status, got.Err)
					require.Equal(t, failure.certain, err != nil)
					require.NotEmpty(t, got.Hint)
					text := got.Err.Error()
					if tt.endpoint != nil && !failure.certain { // then Cluster.Endpoint was tried, and failed too
						require.Contains(t, text, "(Cluster.Endpoint)")
						tried := slices.DeleteFunc(slices.Clone(report.Links[0].Warnings), func(w string) bool { return !strings.Contains(w, "the token was tried at") })
						require.Len(t, tried, 1)
						text = tried[0]
					}
					for _, want := range tt.want {
						require.Contains(t, text, want)
					}
					require.ErrorIs(t, got.Err, failure.err)
					var endpoint *peering.EndpointError
					require.ErrorAs(t, got.Err, &endpoint)
					require.NotContains(t, text+got.Summary+got.Hint, password)
				})
			})
		}
	}
}

// failing is an API server that nobody reaches.
type failing struct {
	peering.Objects
	err error
}

func (f failing) Create(context.Context, peering.Object) (peering.Object, error) { return nil, f.err }

// TestOwnConnectionNamesTheCluster: of a server that the caller's own connection does not reach.
func TestOwnConnectionNamesTheCluster(t *testing.T) {
	for name, failure := range failures() {
		for _, verb := range []string{"get", "list", "create"} {
			t.Run(name+" "+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, _, link := pair()
					east.Before = on(verb, map[string]string{"get": "Namespace", "list": "Secret", "create": "Secret"}[verb], failure.err)
					report, err := new(peering.Peering).Ensure(t.Context(), link)
					require.ErrorContains(t, err, `API server of "east" (the caller's own connection`)
					require.ErrorContains(t, err, "6443", "an address")
					require.ErrorIs(t, err, failure.err)
					require.NotEmpty(t, report.Links[0].Error.Hint)
				})
			})
		}
	}
}
