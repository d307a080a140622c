//go:build linux

package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
)

// TestEndpointBelowAPath puts a proxy with a certificate of its own in front of an API server, below a path, as Rancher and
// fleet gateways do: istiod and the proof of the token go through it.
func TestEndpointBelowAPath(t *testing.T) {
	w := sharedWorld(t)
	const prefix = "/k8s/clusters/c-m-1"
	server, err := url.Parse(w.clusters[0].Endpoint.Server)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(w.clusters[0].Endpoint.CA))
	var istiod atomic.Int32
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if strings.HasPrefix(r.In.UserAgent(), "pilot-discovery") {
				istiod.Add(1)
			}
			r.SetURL(server)
		},
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		FlushInterval: -1, // watches
	}
	front := httptest.NewUnstartedServer(http.StripPrefix(prefix, proxy))
	require.NoError(t, front.Listener.Close())
	front.Listener, err = net.Listen("tcp", net.JoinHostPort(server.Hostname(), "0"))
	require.NoError(t, err)
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)

	endpoint := w.clusters[0].Endpoint
	endpoint.Server = front.URL + prefix
	endpoint.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	endpoint.TLSServerName = "example.com" // of httptest's certificate
	link := peering.Link{From: w.clusters[1], To: w.clusters[0], Endpoint: &endpoint}
	removeAfter(t, link)
	report, err := new(peering.Peering).Ensure(t.Context(), link)
	require.NoError(t, err)
	require.Contains(t, strings.Join(report.Links[0].Warnings, "\n"), "has a path")
	require.NotZero(t, istiod.Load(), "istiod reads through the proxy")
	again, err := new(peering.Peering).Plan(t.Context(), peering.Present, link)
	require.NoError(t, err)
	require.True(t, again.Empty(), "the token is proved through the proxy, too")
}
