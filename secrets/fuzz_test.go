package secrets_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// FuzzBuildParse: what Build accepts, Parse gives back, and Lint finds no error in it.
func FuzzBuildParse(f *testing.F) {
	ca := testCA(f)
	f.Add("east", "https://10.0.0.1:6443", "", "", "token", true, false, false)
	f.Add("East_1.x", "https://[2001:db8::1]", "kubernetes", "socks5://u:p@proxy:1080", "a.b.c", false, true, true)
	f.Add("null", "https://true", "1e3", "http://0x10", "~", false, false, false)
	f.Add("0123", "https://127.0.0.1", "::1", "https://u@p", "- a", true, true, true)
	f.Fuzz(func(t *testing.T, cluster, server, name, proxy, token string, withCA, insecure, loopback bool) {
		r := secrets.Remote{
			Cluster: cluster,
			Endpoint: secrets.Endpoint{
				Server: server, TLSServerName: name, ProxyURL: proxy,
				InsecureSkipTLSVerify: insecure, AllowLoopback: loopback,
			},
			Token: secrets.NewToken(token, time.Time{}),
		}
		if withCA {
			r.Endpoint.CA = ca
		}
		secret, err := secrets.Build(r, secrets.Options{})
		if err != nil {
			require.Nil(t, secret)
			require.ErrorAs(t, err, new(*secrets.FieldError))
			return
		}
		again, err := secrets.Build(r, secrets.Options{})
		require.NoError(t, err)
		require.Equal(t, secret, again)
		require.Empty(t, errorsOf(secrets.Lint(secret)))
		back, err := secrets.Parse(secret)
		require.NoError(t, err)
		require.Len(t, back, 1)
		requireSame(t, r, back[0])
	})
}

// FuzzParse: no kubeconfig makes Parse or Lint panic, they agree, and neither
// repeats a token that it finds.
func FuzzParse(f *testing.F) {
	for _, c := range spoiled {
		kubeconfig := config(f)
		c.spoil(kubeconfig, kubeconfig.Clusters["east"], kubeconfig.AuthInfos["east"])
		f.Add("east", encode(f, kubeconfig))
	}
	for _, text := range []string{
		"", "{}", "null", "[]", "a", "kind: List", "kind: Status\napiVersion: v1", "kind: Config\napiVersion: __internal",
		"users: [{}]", "users: [null]", "contexts: [{name: a, context: null}]\ncurrent-context: a", "clusters: [{name: '', cluster: {server: x}}]\nusers: [{name: ''}]",
		"users: [{name: a, user: {exec: {}}}]", "users: [{name: a, user: {auth-provider: {}}}]", "clusters: [{cluster: {extensions: [{name: a, extension: 1}]}}]",
		"preferences: {colors: true}", "users:\n- name: a\n  user: {token: hidden-value}\n- name: a\n  user: {token: hidden-value}",
	} {
		f.Add("east", []byte(text))
	}
	f.Fuzz(func(t *testing.T, key string, kubeconfig []byte) {
		secret := remoteSecret(map[string][]byte{key: kubeconfig})
		problems := secrets.Lint(secret)
		remotes, err := secrets.Parse(secret)
		require.Equal(t, len(errorsOf(problems)) > 0, err != nil)
		for _, p := range problems {
			require.NotEmpty(t, p.Field)
			require.NotEmpty(t, p.Message)
			require.NotEmpty(t, p.Remedy)
		}
		for _, r := range remotes {
			if value := r.Token.Reveal(); len(value) > 12 {
				requireNoLeak(t, value, problems, r.Endpoint.ProxyURL == value, err)
			}
			if r.Credential == "" && r.CAFile == "" {
				_, _ = secrets.Build(r, secrets.Options{})
			}
		}
	})
}

// FuzzClaims: no token makes Claims panic.
func FuzzClaims(f *testing.F) {
	f.Add("a.eyJleHAiOjF9.c")
	f.Add("a.bnVsbA.c")
	f.Add(jwt(f, map[string]any{"aud": []string{"a"}, "exp": 1e300, "kubernetes.io": 1}))
	f.Fuzz(func(t *testing.T, value string) {
		token := secrets.NewToken(value, time.Time{})
		claims, err := token.Claims()
		if err != nil {
			require.ErrorIs(t, err, secrets.ErrNotJWT)
			require.Empty(t, claims)
			return
		}
		_, err = claims.Expires.MarshalJSON()
		require.NoError(t, err)
	})
}
