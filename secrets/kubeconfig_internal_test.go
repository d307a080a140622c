package secrets

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

// FuzzPlainKubeconfig: the short way gives the bytes of the long one, or leaves it to that.
func FuzzPlainKubeconfig(f *testing.F) {
	f.Add("cluster-1", "https://10.0.0.1:6443", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", []byte("-----BEGIN"))
	f.Add("prod.eu-west", "https://a.example/k8s/clusters/c-m-1", "a-b", []byte{0})
	for _, odd := range []string{"true", "null", "no", "1e3", "0x1", "a: b", "a #b", "- a", "a:", ".", "y", "2026-11-26", "~", "a\nb", "x-1:", "1-2", "e-1"} {
		f.Add(odd, odd, odd, []byte(odd))
	}
	f.Fuzz(func(t *testing.T, cluster, server, token string, ca []byte) {
		r := Remote{Cluster: cluster, Endpoint: Endpoint{Server: server, CA: ca}, Token: NewToken(token, time.Time{})}
		short := plainKubeconfig(r)
		if short == "" {
			return
		}
		config, err := clientcmd.Load([]byte(short))
		require.NoError(t, err)
		long, err := clientcmd.Write(*config)
		require.NoError(t, err)
		require.Equal(t, string(long), short)
		require.Equal(t, token, config.AuthInfos[cluster].Token)
		require.Equal(t, server, config.Clusters[cluster].Server)
		require.Equal(t, ca, config.Clusters[cluster].CertificateAuthorityData)
	})
}
