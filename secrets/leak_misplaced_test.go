package secrets_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/secrets"
)

// misplaced are URLs with a token outside the user information.
var misplaced = []string{
	"TOKEN", "TOKEN:6443", "TOKEN://admin@host", "https:// TOKEN", "https://TOKEN", "https://TOKEN.localhost", "https://localhost/TOKEN",
	"https://admin@localhost/TOKEN", "http://host/TOKEN", "ftp://host/TOKEN", "https://[TOKEN", "https://host?a=TOKEN", "https://localhost#TOKEN", "//TOKEN",
}

func TestLeakOfMisplacedTokens(t *testing.T) {
	opaque, web := random(), jwt(t, map[string]any{"jti": random()})
	for _, url := range misplaced {
		t.Run(url, func(t *testing.T) {
			for _, hidden := range []string{opaque, web, strings.ToUpper(opaque), opaque + `"\ +%`} {
				misplacedURL := strings.ReplaceAll(url, "TOKEN", hidden)
				for _, spoil := range []func(*cluster){
					func(c *cluster) { c.Server = misplacedURL },
					func(c *cluster) { c.ProxyURL = misplacedURL },
				} {
					kubeconfig := config(t)
					kubeconfig.AuthInfos["east"].Token = hidden + "\n" // an end that the misplaced copy need not have
					spoil(kubeconfig.Clusters["east"])
					secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
					remotes, err := secrets.Parse(secret)
					requireNoLeak(t, strings.TrimRight(hidden, `"\ +%`), secrets.Lint(secret), err)
					if hidden == web {
						requireNoLeak(t, hidden, remotes)
					}
				}
			}
			for _, endpoint := range []secrets.Endpoint{
				{Server: strings.ReplaceAll(url, "TOKEN", web)},
				{Server: "https://host", ProxyURL: strings.ReplaceAll(url, "TOKEN", web)},
			} {
				requireNoLeak(t, web, endpoint, endpoint.Validate())
				_, err := secrets.Build(secrets.Remote{Cluster: "east", Endpoint: endpoint, Token: secrets.NewToken(web, time.Time{})}, secrets.Options{})
				requireNoLeak(t, web, err)
			}
		})
	}
}

// TestLeakOfACredentialThatBeginsWithAnother: what is left of the longer one is a secret, too.
func TestLeakOfACredentialThatBeginsWithAnother(t *testing.T) {
	hidden := random()
	for range 20 { // the order of a map
		kubeconfig := config(t)
		kubeconfig.Clusters["east"].Server = "http://host/kube-" + hidden
		kubeconfig.AuthInfos["east"] = &user{AuthProvider: &clientcmdapi.AuthProviderConfig{
			Name: "oidc", Config: map[string]string{"client-id": "kube", "client-secret": "kube-" + hidden},
		}}
		problems := secrets.Lint(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
		require.NotEmpty(t, problems)
		requireNoLeak(t, hidden, problems)
	}
}

// TestLeakOfEachCredentialOfTheFile: each of them may stand in the name of a context, too.
func TestLeakOfEachCredentialOfTheFile(t *testing.T) {
	for name, hide := range map[string]func(*user, *cluster, string){
		"token":    func(u *user, _ *cluster, hidden string) { u.Token = hidden },
		"password": func(u *user, _ *cluster, hidden string) { u.Password = hidden },
		"key":      func(u *user, _ *cluster, hidden string) { u.ClientKeyData = []byte(hidden) },
		"provider": func(u *user, _ *cluster, hidden string) {
			u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{"refresh-token": hidden}}
		},
		"proxy": func(_ *user, c *cluster, hidden string) { c.ProxyURL = "http://u:" + hidden + "@proxy" },
	} {
		kubeconfig := config(t)
		hidden := "zoo-" + strings.Repeat("ab-", 5) + random()[:6] // nothing but the file tells that it is one
		hide(kubeconfig.AuthInfos["east"], kubeconfig.Clusters["east"], hidden)
		kubeconfig.CurrentContext = hidden
		secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
		problems := secrets.Lint(secret)
		require.NotEmpty(t, problems, name)
		requireNoLeak(t, hidden, problems)
	}
}
