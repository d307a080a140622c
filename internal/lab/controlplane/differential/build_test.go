package differential_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// Whatever Build makes, istiod accepts, and its client is what the Remote says.
func TestIstiodAcceptsWhatBuildMakes(t *testing.T) {
	c := newCredentials(t)
	clusters := []string{"east", "East_1.x", "null", "true", "1e3", "0x10", "-", "a..b", "1", "Kubernetes", "no", "=", "a b", "a:b", ""}
	servers := []string{
		"https://10.0.0.1:6443", "https://api.east.example.com", "https://API.example.com./", "https://[2001:db8::1]:6443", "https://10.0.0.1",
		"https://127.0.0.1:6443", "https://localhost", "https://xn--bcher-kva.example", "https://true", "HTTPS://a", "https://a:0", "https://a:65535",
		"http://a", "a", "https://", "https://a/b", "https://a?b", "https://u@a", "https://a b", "https://a:99999", "https://[fe80::1%25eth0]:1",
	}
	serverNames := []string{"", "", "kubernetes.default.svc", "10.0.0.2", "1e3", "null", "A.b", "https://x", "a b", "::1"}
	proxies := []string{
		"", "", "", "http://proxy:3128", "https://u:p@proxy", "socks5://[2001:db8::2]:1080", "http://u:" + c.password + "@proxy", "http://u%40b:%20@proxy",
		"http://localhost:1", "socks5h://proxy", "ftp://proxy", "proxy:1", "http://", "http://pro xy",
	}
	tokens := []string{c.token, "a.b.c", "null", "~", "- a", "a: b", "#a", "'", "\"", "{}", "%", "0", "1e3", "!!str", "a\\n", "a\n", " a", "é", ""}
	authorities := [][]byte{nil, c.ca, bytes.Repeat(c.ca, 3), append([]byte("# a remark\n"), c.ca...), append(bytes.Clone(c.ca), c.key...), []byte("x"), c.cert}
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
		require.Equal(t, r.Endpoint.Server, config.Host)
		agree(t, c, r.String(), secret.Data[r.Cluster])
	}
	t.Logf("%d built, %d refused", built, refused)
	require.Greater(t, built, 500)
	require.Greater(t, refused, 500)
}
