package asmtest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
)

// through is a client whose requests are changed after they were signed.
func through(t *testing.T, asm *asmtest.Server, tamper func(*http.Request)) *asmapi.Client {
	t.Helper()
	var front *httptest.Server
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: asm.Endpoint()})
		p.Out.Host = p.In.Host // it is signed
		tamper(p.Out)
	}}
	front = httptest.NewServer(forward)
	t.Cleanup(front.Close)
	endpoint := strings.TrimPrefix(front.URL, "http://")
	client, err := asmapi.New(asmapi.Options{Endpoint: endpoint, ContainerEndpoint: endpoint, Protocol: "http", Credential: asm.Credential(), Attempts: 1})
	require.NoError(t, err)
	return client
}

func body(r *http.Request, text string) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewBufferString(text)), int64(len(text))
}

func TestSignatures(t *testing.T) {
	asm := asmtest.New(asmtest.Options{Mesh: "mesh", Clusters: []asmtest.Cluster{{ID: "c1"}}})
	defer asm.Close()
	nonce := ""
	for name, c := range map[string]struct {
		tamper func(*http.Request)
		says   string
	}{
		"as it was":    {func(*http.Request) {}, ""},
		"no signature": {func(r *http.Request) { r.Header.Del("Authorization") }, "there is no Authorization header"},
		"another key": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "LTAI", "LTAJ", 1))
		}, "no such access key"},
		"another body":      {func(r *http.Request) { body(r, "ServiceMeshId=other&ClusterId=c1") }, "is not that of the body"},
		"another date":      {func(r *http.Request) { r.Header.Set("X-Acs-Date", "2020-01-11T00:00:00Z") }, "the signature does not match"},
		"another parameter": {func(r *http.Request) { r.URL.RawQuery = "ServiceMeshId=other" }, "the signature does not match"},
		"another nonce": {func(r *http.Request) {
			nonce = r.Header.Get("X-Acs-Signature-Nonce")
			r.Header.Set("X-Acs-Signature-Nonce", "x")
		}, "the signature does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			err := through(t, asm, c.tamper).AddClusterIntoServiceMesh(t.Context(), asmapi.AddCluster{Mesh: "mesh", Cluster: "c1"})
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, asmapi.Denied, asmapi.KindOf(err))
			require.ErrorContains(t, err, "Invented.SignatureDoesNotMatch")
			require.ErrorContains(t, err, c.says)
		})
	}
	require.NotEmpty(t, nonce)
	require.Len(t, asm.Calls(""), 1)
}

// The same request a second time is refused.
func TestReplay(t *testing.T) {
	asm := asmtest.New(asmtest.Options{Mesh: "mesh"})
	defer asm.Close()
	var taken *http.Request
	client := through(t, asm, func(r *http.Request) { taken = r.Clone(t.Context()); body(taken, "ServiceMeshId=mesh") })
	_, err := client.DescribeServiceMeshDetail(t.Context(), "mesh")
	require.NoError(t, err)
	taken.RequestURI = ""
	reply, err := http.DefaultTransport.RoundTrip(taken)
	require.NoError(t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, reply.StatusCode)
	require.Contains(t, string(text), "the nonce was used before")
}

// Each parameter is wanted where the API wants it.
func TestParameters(t *testing.T) {
	asm := asmtest.New(asmtest.Options{Mesh: "mesh", Clusters: []asmtest.Cluster{{ID: "c1"}}})
	defer asm.Close()
	endpoint, protocol := asm.Endpoint(), "http"
	client, err := openapi.NewClient(&openapi.Config{Endpoint: &endpoint, Protocol: &protocol, Credential: asm.Credential(), NoProxy: &endpoint})
	require.NoError(t, err)
	for action, wrong := range map[string]*openapi.OpenApiRequest{
		"DescribeServiceMeshDetail":     {Query: map[string]*string{"ServiceMeshId": tea.String("mesh")}},
		"DescribeClustersInServiceMesh": {Body: map[string]any{"ServiceMeshId": "mesh"}},
		"AddClusterIntoServiceMesh":     {Body: map[string]any{"ServiceMeshId": "mesh"}, Query: map[string]*string{"ClusterId": tea.String("c1")}},
		"DescribeServiceMeshClusters":   {Query: map[string]*string{"ServiceMeshId": tea.String("mesh")}},
	} {
		params := &openapi.Params{
			Action: &action, Version: tea.String("2020-01-11"), Protocol: &protocol, Pathname: tea.String("/"), Method: tea.String("POST"),
			AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
		}
		_, err := client.CallApiWithCtx(t.Context(), params, wrong, new(dara.RuntimeOptions))
		require.ErrorContains(t, err, "is not where it belongs", action)
		*params.Version = "2019-01-01"
		_, err = client.CallApiWithCtx(t.Context(), params, wrong, new(dara.RuntimeOptions))
		require.ErrorContains(t, err, "there is no action", action)
	}
	require.Zero(t, asm.Adds("c1"))
}

// The API server of the instance wants its token, and has one object.
func TestConfigServer(t *testing.T) {
	asm := asmtest.New(asmtest.Options{Mesh: "mesh", Planes: []string{"c2"}})
	defer asm.Close()
	client, err := asmapi.New(asmapi.Options{Endpoint: asm.Endpoint(), ContainerEndpoint: asm.Endpoint(), Protocol: "http", Credential: asm.Credential()})
	require.NoError(t, err)
	key, err := client.DescribeServiceMeshKubeconfig(t.Context(), "mesh", false)
	require.NoError(t, err)
	require.Greater(t, time.Until(key.Expires()), 24*time.Hour)
	config, err := key.REST()
	require.NoError(t, err)
	for token, want := range map[string]int{config.BearerToken: http.StatusOK, "x": http.StatusUnauthorized} {
		require.Equal(t, want, ask(t, config.Host+"/apis/istio.alibabacloud.com/v1beta1/asmmeshconfigs/default", token, config.CAData))
	}
	require.Equal(t, http.StatusNotFound, ask(t, config.Host+"/api/v1/namespaces", config.BearerToken, config.CAData))
}

func ask(t *testing.T, address, token string, ca []byte) int {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	reply, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, reply.Body.Close())
	return reply.StatusCode
}
