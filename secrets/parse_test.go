package secrets_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestParseSortsAndReadsStringData(t *testing.T) {
	secret := remoteSecret(map[string][]byte{"west": encode(t, config(t)), "east": []byte("replaced below")})
	secret.StringData = map[string]string{"east": string(encode(t, config(t))), "central": string(encode(t, config(t)))}
	remotes, err := secrets.Parse(secret)
	require.NoError(t, err)
	var ids []string
	for _, r := range remotes {
		ids = append(ids, r.Cluster)
		require.Equal(t, "token", r.Token.Reveal())
		require.Equal(t, "https://10.0.0.1:6443", r.Endpoint.Server)
		require.Equal(t, testCA(t), r.Endpoint.CA)
	}
	require.Equal(t, []string{"central", "east", "west"}, ids)
	require.Equal(t, "replaced below", string(secret.Data["east"]), "the input is left alone")
}

func TestParseTakesTheCurrentContext(t *testing.T) {
	kubeconfig := config(t)
	kubeconfig.Clusters["b"] = &clientcmdapi.Cluster{Server: "https://b"}
	kubeconfig.AuthInfos["b"] = &clientcmdapi.AuthInfo{Token: "b"}
	kubeconfig.Contexts["b"] = &clientcmdapi.Context{Cluster: "b", AuthInfo: "b"}
	kubeconfig.CurrentContext = "b"
	remotes, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
	require.NoError(t, err)
	require.Equal(t, "https://b", remotes[0].Endpoint.Server)
	require.Equal(t, "b", remotes[0].Token.Reveal())
}

func TestParseReadsTheExpiry(t *testing.T) {
	kubeconfig := config(t)
	kubeconfig.AuthInfos["east"].Token = jwt(t, map[string]any{"exp": 1700003600})
	remotes, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
	require.NoError(t, err)
	require.Equal(t, time.Unix(1700003600, 0).UTC(), remotes[0].Token.Expires())
}

func TestParseNamesOtherCredentials(t *testing.T) {
	cert, key := clientCertificate(t)
	provider := &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{"idp-issuer-url": "https://idp", "client-id": "istiod"}}
	for _, c := range []struct {
		want string
		user clientcmdapi.AuthInfo
	}{
		{"", clientcmdapi.AuthInfo{Token: "token"}},
		{"none", clientcmdapi.AuthInfo{}},
		{"none + impersonation", clientcmdapi.AuthInfo{Impersonate: "admin"}},
		{"impersonation", clientcmdapi.AuthInfo{Token: "token", Impersonate: "admin"}},
		{"basic auth", clientcmdapi.AuthInfo{Username: "admin", Password: "password"}},
		{"oidc auth provider", clientcmdapi.AuthInfo{AuthProvider: provider}},
		{"client certificate", clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}},
		{"client certificate", clientcmdapi.AuthInfo{Token: "token", ClientCertificateData: cert, ClientKeyData: key}},
	} {
		t.Run(c.want, func(t *testing.T) {
			kubeconfig := config(t)
			kubeconfig.AuthInfos["east"] = &c.user
			remotes, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
			require.NoError(t, err)
			require.Equal(t, c.want, remotes[0].Credential)
			require.Equal(t, c.user.Token, remotes[0].Token.Reveal())
			_, err = secrets.Build(remotes[0], secrets.Options{})
			require.Equal(t, c.want == "", err == nil, "only a plain token is written again")
		})
	}
}

// TestParseNamesAnUnnamedProvider: over plain http istiod does not use it.
func TestParseNamesAnUnnamedProvider(t *testing.T) {
	kubeconfig := config(t)
	kubeconfig.Clusters["east"].Server = "http://10.0.0.1"
	kubeconfig.AuthInfos["east"].AuthProvider = &clientcmdapi.AuthProviderConfig{}
	remotes, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
	require.NoError(t, err)
	require.Equal(t, "unnamed auth provider", remotes[0].Credential)
}

func TestParseNamesTheCAFile(t *testing.T) {
	kubeconfig := config(t)
	kubeconfig.Clusters["east"] = &clientcmdapi.Cluster{Server: "https://10.0.0.1", CertificateAuthority: "/no/such/file"}
	remotes, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
	require.NoError(t, err, "the file is istiod's, not ours")
	require.Equal(t, "/no/such/file", remotes[0].CAFile)
	require.Empty(t, remotes[0].Endpoint.CA)
}

func TestParseReportsEveryKey(t *testing.T) {
	_, err := secrets.Parse(remoteSecret(map[string][]byte{"a": nil, "b": []byte("{}"), "c": encode(t, config(t))}))
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), 2)
	var problem secrets.Problem
	require.True(t, errors.As(err, &problem))
	require.Equal(t, "a", problem.Key)
	require.EqualError(t, problem, "secrets: a: data: kubeconfig is empty; remove the key, or fill it with a kubeconfig")

	_, err = secrets.Parse(nil)
	require.EqualError(t, err, "secrets: secret: is nil; pass a Secret")
}

func TestRemotePrints(t *testing.T) {
	r := secrets.Remote{Cluster: "east", Endpoint: secrets.Endpoint{Server: "https://10.0.0.1"}}
	require.Equal(t, "east at https://10.0.0.1 with no credential", r.String())
	r.Credential = "basic auth"
	require.Equal(t, "east at https://10.0.0.1 with basic auth", fmt.Sprintf("%s", r))
	r.Token = secrets.NewToken("token", time.Time{})
	require.Equal(t, "east at https://10.0.0.1 with token 3c469e9d + basic auth", r.LogValue().String())
	r.Credential = ""
	require.Equal(t, `secrets.Remote{"east at https://10.0.0.1 with token 3c469e9d"}`, fmt.Sprintf("%#v", r))
}
