package secrets

import (
	"bytes"
	"encoding/base64"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

// FuzzPlainKubeconfig: the short way gives the bytes of the long one, or leaves it to that.
func FuzzPlainKubeconfig(f *testing.F) {
	f.Add("cluster-1", "https://10.0.0.1:6443", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", []byte("-----BEGIN"))
	f.Add("prod.eu-west", "https://a.example/k8s/clusters/c-m-1", "a-b", []byte{0})
	for _, odd := range []string{"true", "null", "no", "1e3", "0x1", "a: b", "a #b", "- a", "a:", ".", "y", "2026-11-26", "~", "a\nb", "x-1:", "1-2", "e-1", "falsely", "n-", "y_", "abcdef-"} {
		f.Add(odd, odd, odd, []byte(odd))
	}
	f.Fuzz(func(t *testing.T, cluster, server, token string, ca []byte) {
		r := Remote{Cluster: cluster, Endpoint: Endpoint{Server: server, CA: ca}, Token: NewToken(token, time.Time{})}
		short := plainKubeconfig(r)
		if short == nil {
			return
		}
		config, err := clientcmd.Load(short)
		require.NoError(t, err)
		long, err := clientcmd.Write(*config)
		require.NoError(t, err)
		require.Equal(t, string(long), string(short))
		require.Equal(t, token, config.AuthInfos[cluster].Token)
		require.Equal(t, server, config.Clusters[cluster].Server)
		require.Equal(t, ca, config.Clusters[cluster].CertificateAuthorityData)
	})
}

// FuzzReadPlain: what the short way reads, the long one reads alike and finds nothing to say of; what it leaves is not of Build.
func FuzzReadPlain(f *testing.F) {
	pem, err := os.ReadFile("testdata/ca.pem")
	require.NoError(f, err)
	ca := string(pem)
	claims := func(text string) string { return "e30." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".c2ln" }
	token := claims(`{"exp":1800000000,"aud":["istio-ca","x"]}`)
	for _, server := range []string{
		"https://10.0.0.1:6443", "https://a.example/k8s/clusters/c-m-1", "http://a.example", "https://127.0.0.1:6443", "https://169.254.1.1:6443",
		"https://kubernetes.default.svc", "https://0x7f.1:6443", "https://a.example:99999", "https://a.example//x",
	} {
		f.Add("cluster-1", server, token, ca, "", "")
	}
	f.Add("cluster-1", "https://a.example", claims(`{"aud":"istio-ca"}`), ca, "", "")
	f.Add("cluster-1", "https://a.example", token, "", "", "")
	f.Add("cluster-1", "https://a.example", token, "-----BEGIN CERTIFICATE-----", "", "")
	f.Add("cluster-1", "https://a.example", token, ca+"# said\n"+ca, "", "")
	f.Add("primary1", "https://a.example", token, ca, "apiVersion: v1", "apiVersion: v2")
	f.Add("primary1", "https://a.example", token, ca, "user: primary1", "user: another")
	f.Add("primary1", "https://a.example", token, ca, "    token: ", "    token: a-b\n    token: ")
	f.Add("primary1", "https://a.example", token, ca, "    token: ", "    username: a\n    token: ")
	f.Add("primary1", "https://a.example", token, ca, "LS0tLS1", "LS0t\\nLS1")
	f.Fuzz(func(t *testing.T, cluster, server, token, ca, old, now string) {
		r := Remote{Cluster: cluster, Endpoint: Endpoint{Server: server, CA: []byte(ca)}, Token: NewToken(token, time.Time{})}
		short := plainKubeconfig(r)
		if old != "" {
			short = bytes.Replace(short, []byte(old), []byte(now), 1)
		}
		got, want := &inspection{remote: Remote{Cluster: cluster}}, &inspection{remote: Remote{Cluster: cluster}}
		want.readAny(short)
		if !got.readPlain(short) {
			if old == "" && short != nil && checkRemote(r) == nil {
				require.NotEmpty(t, want.problems, "left to the long way for nothing")
			}
			return
		}
		require.Empty(t, want.problems)
		require.True(t, got.remote.Token.Equal(want.remote.Token))
		require.Equal(t, want.remote.Token.Expires(), got.remote.Token.Expires())
		got.remote.Token, want.remote.Token = Token{}, Token{}
		require.Equal(t, want.remote, got.remote)
	})
}
