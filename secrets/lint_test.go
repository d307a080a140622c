package secrets_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/secrets"
)

type (
	cluster = clientcmdapi.Cluster
	user    = clientcmdapi.AuthInfo
)

// oidc gives the user an auth provider with this field.
func oidc(field, value string) func(*clientcmdapi.Config, *cluster, *user) {
	return func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		config := map[string]string{"idp-issuer-url": "https://idp", "client-id": "istiod", field: value}
		u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: config}
	}
}

// spoiled is every way to spoil the kubeconfig of config; refused says whether
// istiod refuses it.
var spoiled = []struct {
	name    string
	refused bool
	spoil   func(*clientcmdapi.Config, *cluster, *user)
}{
	{"exec", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.Exec = &clientcmdapi.ExecConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never"}
	}},
	{"gcp provider", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "gcp", Config: map[string]string{"access-token": "hidden"}}
	}},
	{"client key file", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.ClientKey = "/key" }},
	{"client certificate file", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.ClientCertificate = "/cert" }},
	{"token file", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.TokenFile = "/token" }},
	{"all of them", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.Exec, u.TokenFile, u.ClientKey, u.ClientCertificate = &clientcmdapi.ExecConfig{}, "/token", "/key", "/cert"
		u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "azure"}
	}},
	{"second user", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) { c.AuthInfos["other"] = &user{TokenFile: "/token"} }},
	{"oidc without issuer", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{"id-token": "hidden"}}
	}},
	{"oidc CA no base64", true, oidc("idp-certificate-authority-data", "hid den")},
	{"oidc CA no PEM", true, oidc("idp-certificate-authority-data", "aGlkZGVu")},
	{"unnamed provider", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.AuthProvider = &clientcmdapi.AuthProviderConfig{} }},
	{"token and password", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.Token, u.Username, u.Password = "hidden", "admin", "hidden"
	}},
	{"certificate without key", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.ClientCertificateData = []byte("x") }},
	{"certificate no PEM", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) {
		u.ClientCertificateData, u.ClientKeyData = []byte("x"), []byte("hidden")
	}},
	{"groups without user", true, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.ImpersonateGroups = []string{"g"} }},
	{"no server", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "" }},
	{"empty cluster", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { *c = cluster{} }},
	{"server no address", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "https://a b" }},
	{"proxy scheme", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.ProxyURL = "ftp://user:hidden@proxy" }},
	{"proxy unparsable", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.ProxyURL = "http://user:hid den@proxy" }},
	{"CA twice", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.CertificateAuthority = "/ca" }},
	{"CA no PEM", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.CertificateAuthorityData = []byte("caData") }},
	{"CA and insecure", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.InsecureSkipTLSVerify = true }},
	{"CA file and insecure", true, func(_ *clientcmdapi.Config, c *cluster, _ *user) {
		c.CertificateAuthorityData, c.CertificateAuthority, c.InsecureSkipTLSVerify = nil, "/no/such/ca.crt", true
	}},
	{"context unknown", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) { c.CurrentContext = "west" }},
	{"context unset", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) { c.CurrentContext = "" }},
	{"context without name", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) { c.Contexts[""] = c.Contexts["east"] }},
	{"context alone without name", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) {
		*c = clientcmdapi.Config{Contexts: map[string]*clientcmdapi.Context{"": {}}}
	}},
	{"context astray", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) {
		c.Contexts["east"] = &clientcmdapi.Context{Cluster: "west", AuthInfo: "west", Namespace: "A"}
	}},
	{"token as user name", true, func(c *clientcmdapi.Config, _ *cluster, u *user) {
		u.Token = "hidden-token"
		c.Contexts["east"].AuthInfo = "hidden-token"
	}},
	{"web token as context", true, func(c *clientcmdapi.Config, _ *cluster, _ *user) {
		c.CurrentContext = "eyJhbGciOiJub25lIn0.hidden.hidden"
	}},
	{"password", false, func(_ *clientcmdapi.Config, _ *cluster, u *user) { *u = user{Username: "admin", Password: "hidden"} }},
	{"anonymous", false, func(_ *clientcmdapi.Config, _ *cluster, u *user) { *u = user{} }},
	{"impersonation", false, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.Impersonate, u.ImpersonateUID = "admin", "1" }},
	{"CA file", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) {
		c.CertificateAuthorityData, c.CertificateAuthority = nil, "/no/such/ca.crt"
	}},
	{"oidc CA file", false, oidc("idp-certificate-authority", "/no/such/ca.crt")},
	{"CA file and insecure over http", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) {
		*c = cluster{Server: "http://10.0.0.1", CertificateAuthority: "/no/such/ca.crt", InsecureSkipTLSVerify: true}
	}},
	{"unnamed provider over http", false, func(_ *clientcmdapi.Config, c *cluster, u *user) {
		c.Server, u.AuthProvider = "http://10.0.0.1", &clientcmdapi.AuthProviderConfig{}
	}},
	{"unused unnamed provider", false, func(c *clientcmdapi.Config, _ *cluster, _ *user) {
		c.AuthInfos["other"] = &user{AuthProvider: &clientcmdapi.AuthProviderConfig{}}
	}},
	{"no CA", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.CertificateAuthorityData = nil }},
	{"CA with key", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) {
		c.CertificateAuthorityData = append(c.CertificateAuthorityData, pemBlock("PRIVATE KEY")...)
	}},
	{"insecure", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) {
		c.CertificateAuthorityData, c.InsecureSkipTLSVerify = nil, true
	}},
	{"http", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "http://10.0.0.1" }},
	{"no scheme", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "gateway" }},
	{"loopback", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "https://127.0.0.1:6443" }},
	{"user in server", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.Server = "https://admin:hidden@10.0.0.1" }},
	{"proxy on loopback", false, func(_ *clientcmdapi.Config, c *cluster, _ *user) { c.ProxyURL = "http://user:hidden@localhost:3128" }},
	{"token with a line end", false, func(_ *clientcmdapi.Config, _ *cluster, u *user) { u.Token = "hidden\n" }},
	{"more users", false, func(c *clientcmdapi.Config, _ *cluster, _ *user) { c.AuthInfos["other"] = &user{Token: "hidden"} }},
}

func TestLintKubeconfig(t *testing.T) {
	var report strings.Builder
	for _, c := range spoiled {
		t.Run(c.name, func(t *testing.T) {
			kubeconfig := config(t)
			c.spoil(kubeconfig, kubeconfig.Clusters["east"], kubeconfig.AuthInfos["east"])
			secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
			problems := secrets.Lint(secret)
			require.NotEmpty(t, problems)
			require.Equal(t, c.refused, len(errorsOf(problems)) > 0, "%v", problems)

			remotes, err := secrets.Parse(secret)
			if c.refused {
				require.Error(t, err)
				require.Empty(t, remotes)
				require.ErrorAs(t, err, new(secrets.Problem))
			} else {
				require.NoError(t, err)
				require.Len(t, remotes, 1)
			}
			fmt.Fprintf(&report, "# %s\n", c.name)
			for _, p := range problems {
				require.NotEmpty(t, p.Remedy)
				fmt.Fprintf(&report, "%s: %v\n", p.Severity, p)
			}
			require.NotContains(t, fmt.Sprint(problems, err, remotes), "hidden")
		})
	}
	golden.Equal(t, "lint/kubeconfig.txt", []byte(report.String()))
}

func TestLintSecret(t *testing.T) {
	var report strings.Builder
	for _, c := range []struct {
		name  string
		spoil func(*corev1.Secret)
	}{
		{"no label", func(s *corev1.Secret) { s.Labels = nil }},
		{"label in other letters", func(s *corev1.Secret) { s.Labels[secrets.LabelMultiCluster] = "True" }},
		{"upper-case name", func(s *corev1.Secret) { s.Name = "istio-remote-secret-Kubernetes" }},
		{"other namespace", func(s *corev1.Secret) { s.Namespace = "default" }},
		{"no data", func(s *corev1.Secret) { s.Data = nil }},
		{"too large", func(s *corev1.Secret) { s.Data["east"] = append(s.Data["east"], bytes.Repeat([]byte("\n"), 1<<20)...) }},
		{"empty key", func(s *corev1.Secret) { s.Data["west"] = nil }},
		{"key no ID", func(s *corev1.Secret) { s.Data["a b"] = s.Data["east"] }},
		{"default ID", func(s *corev1.Secret) { s.Data["Kubernetes"] = s.Data["east"] }},
		{"annotation astray", func(s *corev1.Secret) { s.Annotations = map[string]string{secrets.AnnotationCluster: "west"} }},
		{"kubectl apply", func(s *corev1.Secret) {
			s.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "hidden"}
		}},
		{"no YAML", func(s *corev1.Secret) { s.Data["east"] = []byte("a: b\nc: {hidden\n") }},
		{"no kubeconfig", func(s *corev1.Secret) {
			s.Data["east"] = []byte("kind: Secret\napiVersion: v1\ndata: {token: hidden}\n")
		}},
		{"other version", func(s *corev1.Secret) { s.Data["east"] = []byte("kind: Config\napiVersion: v9\n") }},
		{"empty kubeconfig", func(s *corev1.Secret) { s.Data["east"] = []byte("{}") }},
		{"no base64", func(s *corev1.Secret) {
			s.Data["east"] = []byte("clusters: [{name: a, cluster: {certificate-authority-data: '%hidden%'}}]")
		}},
		{"duplicate users", func(s *corev1.Secret) {
			s.Data["east"] = []byte("users: [{name: a, user: {token: hidden}}, {name: a, user: {token: hidden}}]")
		}},
		{"token Secret with the label", func(s *corev1.Secret) {
			s.Data = map[string][]byte{"token": []byte("hidden"), "namespace": []byte("istio-system"), "ca.crt": []byte("hidden")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			secret := remoteSecret(map[string][]byte{"east": encode(t, config(t))})
			c.spoil(secret)
			problems := secrets.Lint(secret)
			require.NotEmpty(t, problems)
			_, err := secrets.Parse(secret)
			require.Equal(t, len(errorsOf(problems)) > 0, err != nil)
			fmt.Fprintf(&report, "# %s\n", c.name)
			for _, p := range problems {
				fmt.Fprintf(&report, "%s: %v\n", p.Severity, p)
			}
			require.NotContains(t, fmt.Sprint(problems, err), "hidden")
		})
	}
	golden.Equal(t, "lint/secret.txt", []byte(report.String()))
}

func TestLintNilAndGood(t *testing.T) {
	require.Len(t, errorsOf(secrets.Lint(nil)), 1)
	kubeconfig := config(t)
	require.Empty(t, secrets.Lint(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})))
	// What istiod takes and Build does not write is named, and nothing else of it.
	for field, value := range map[string]string{"id-token": "hidden", "idp-certificate-authority-data": base64.StdEncoding.EncodeToString(testCA(t))} {
		kubeconfig.AuthInfos["east"] = &user{}
		oidc(field, value)(kubeconfig, nil, kubeconfig.AuthInfos["east"])
		if field == "idp-certificate-authority-data" {
			kubeconfig.AuthInfos["east"].AuthProvider.Config["idp-certificate-authority"] = "/ca" // which the data overrides
		}
		problems := secrets.Lint(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
		require.Len(t, problems, 1)
		require.Contains(t, problems[0].Message, `"oidc auth provider" is not a bearer token alone`)
		require.Equal(t, secrets.SeverityWarning, problems[0].Severity)
	}
}

func TestLintAudience(t *testing.T) {
	kubeconfig := config(t)
	kubeconfig.AuthInfos["east"].Token = jwt(t, map[string]any{"aud": "istio-ca"})
	problems := secrets.Lint(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
	require.Len(t, problems, 1)
	require.Equal(t, "users[east].token", problems[0].Field)
	require.Contains(t, problems[0].Message, "istio-ca")
}
