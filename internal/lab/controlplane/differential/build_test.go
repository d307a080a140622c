package differential_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/util/sets"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"

	"github.com/meshpeer/meshpeer/secrets"
)

// Whatever Build makes, istiod accepts, and its client is what the Remote says.
func TestIstiodAcceptsWhatBuildMakes(t *testing.T) {
	c := newCredentials(t)
	clusters := []string{"east", "East_1.x", "null", "true", "1e3", "0x10", "-", "a..b", "1", "Kubernetes", "no", "=", "a b", "a:b", ""}
	servers := []string{
		"https://10.0.0.1:6443", "https://api.east.example.com", "https://API.example.com./", "https://[2001:db8::1]:6443", "https://10.0.0.1",
		"https://127.0.0.1:6443", "https://rancher.example/k8s/clusters/c-m-1", "https://api_east.example/a/b/", "https://a/services/https:api:443/proxy", "https://localhost", "https://xn--bcher-kva.example", "https://true", "HTTPS://a", "https://a:0", "https://a:65535",
		"http://a", "a", "https://", "https://a/b", "https://a?b", "https://u@a", "https://a b", "https://a:99999", "https://[fe80::1%25eth0]:1", "https://kubernetes.default.svc", "https://127.1", "https://a//b", "https://a/../b",
	}
	serverNames := []string{"", "", "kubernetes.default.svc", "10.0.0.2", "1e3", "null", "A.b", "https://x", "a b", "::1"}
	proxies := []string{
		"", "", "", "http://proxy:3128", "https://u:p@proxy", "socks5://[2001:db8::2]:1080", "http://u:" + c.password + "@proxy", "http://u%40b:%20@proxy",
		"http://localhost:1", "socks5h://proxy", "ftp://proxy", "proxy:1", "http://", "http://pro xy",
	}
	tokens := []string{c.token, "a.b.c", "null", "~", "- a", "a: b", "#a", "'", "\"", "{}", "%", "0", "1e3", "!!str", "a\\n", "a\n", " a", "é", ""}
	authorities := [][]byte{nil, c.ca, bytes.Repeat(c.ca, 3), append([]byte("# a remark\n"), c.ca...), append(bytes.Clone(c.ca), c.ca[:len(c.ca)/2]...), append(append(bytes.Clone(c.ca), ' '), c.ca...), append(bytes.Clone(c.ca), c.key...), []byte("x"), c.cert}
	built, refused := 0, 0
	for seed := range uint64(4_000) {
		g := newGenerator(seed)
		// The words that Build refuses stand last: the first ones come up more often.
		often := func(n int) int { return min(g.IntN(n), g.IntN(n)) }
		r := secrets.Remote{
			Cluster: clusters[often(len(clusters))],
			Token:   secrets.NewToken(tokens[often(len(tokens))], time.Time{}),
			Endpoint: secrets.Endpoint{
				Server: servers[often(len(servers))], TLSServerName: serverNames[often(len(serverNames))], ProxyURL: proxies[often(len(proxies))],
				CA: authorities[often(len(authorities))], InsecureSkipTLSVerify: g.IntN(4) == 0, AllowLoopback: g.IntN(2) == 0,
			},
		}
		secret, err := secrets.Build(r, secrets.Options{})
		if err != nil {
			refused++
			continue
		}
		built++
		require.Len(t, secret.Data, 1)
		config, err := istiod(secret.Data[r.Cluster])
		require.NoError(t, err, "case %d", seed)
		sameMeaning(t, r.String(), config, r)
		sameRequests(t, config, r)
		sameAuthorities(t, config, r)
		require.Equal(t, r.Endpoint.Server, config.Host)
		agree(t, c, r.String(), secret.Data[r.Cluster])
	}
	t.Logf("%d built, %d refused", built, refused)
	require.Greater(t, built, 500)
	require.Greater(t, refused, 500)
}

// sameRequests fails unless istiod's client asks below the very URL that the Endpoint names.
func sameRequests(t *testing.T, config *rest.Config, r secrets.Remote) {
	t.Helper()
	client, err := rest.RESTClientFor(kube.SetRestDefaults(rest.CopyConfig(config)))
	require.NoError(t, err)
	asked := client.Get().Resource("pods").URL()
	want, err := url.Parse(r.Endpoint.Server)
	require.NoError(t, err)
	require.Equal(t, want.JoinPath("api/v1/pods").String(), asked.String())
}

// sameAuthorities fails unless istiod trusts as many authorities as the bundle begins.
func sameAuthorities(t *testing.T, config *rest.Config, r secrets.Remote) {
	t.Helper()
	if len(r.Endpoint.CA) == 0 {
		return
	}
	loaded, err := cert.ParseCertsPEM(config.CAData)
	require.NoError(t, err)
	require.Len(t, loaded, bytes.Count(r.Endpoint.CA, []byte("BEGIN")))
}

// What istiod permits by its environment, LintOptions permits, and nothing more: the plugins that client-go has dropped stay refused.
func TestLintOptionsAgreeWithIstiod(t *testing.T) {
	c := newCredentials(t)
	before := features.InsecureKubeConfigOptions
	defer func() { features.InsecureKubeConfigOptions = before }()
	user := func(name string, do func(*authInfo)) spoil { return onUser(name, true, do) }
	all := append(spoils(t, c),
		user("exec v1beta1", func(u *authInfo) {
			*u = authInfo{Exec: &clientcmdapi.ExecConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1beta1", InteractiveMode: "Never"}}
		}),
		user("exec v1alpha1", func(u *authInfo) {
			*u = authInfo{Exec: &clientcmdapi.ExecConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1alpha1", InteractiveMode: "Never"}}
		}),
		user("exec and gcp", func(u *authInfo) {
			*u = authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "gcp"}, Exec: &clientcmdapi.ExecConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never"}}
		}),
		user("gcp alone", func(u *authInfo) { *u = authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "gcp"}} }),
		user("openstack alone", func(u *authInfo) { *u = authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "openstack"}} }),
	)
	permitted := 0
	for _, options := range []string{"exec", "tokenFile", "clientKey,clientCertificate", "gcp,azure,openstack", "gcp,azure,exec,openstack,clientKey,clientCertificate,tokenFile"} {
		o := secrets.LintOptions{InsecureOptions: strings.Split(options, ",")}
		features.InsecureKubeConfigOptions = sets.New(o.InsecureOptions...)
		for _, s := range all {
			data := c.spoiled(t, s)
			_, refusal := istiod(data)
			if refusal != nil && strings.Contains(refusal.Error(), "no such file") {
				continue // istiod's files are not ours to read
			}
			refused := false
			for _, p := range o.Lint(remoteSecret(map[string][]byte{"east": data})) {
				refused = refused || p.Severity == secrets.SeverityError
			}
			require.Equal(t, refusal != nil, refused, "%s: %s: istiod says %s", options, s.name, c.hide(fmt.Sprint(refusal)))
			if s.refused && !refused {
				permitted++
			}
		}
	}
	t.Logf("%d permitted", permitted)
	require.Greater(t, permitted, 5)
}
