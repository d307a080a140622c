package secrets_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/secrets"
)

// TestLintIsNotSilentAboutWhatBuildRefuses: over what istiod takes, in every combination.
func TestLintIsNotSilentAboutWhatBuildRefuses(t *testing.T) {
	cert, key := clientCertificate(t)
	ca := testCA(t)
	keys := []string{"east", "East_1.x", "a..b", "Kubernetes", strings.Repeat("a", 253)}
	servers := []string{
		"https://10.0.0.1:6443", "https://rancher.example/k8s/clusters/c-m-1", "https://api_east.example", "https://a//b", "https://a/../b", "https://a/%2e", "https://a?b", "https://a#b", "https://u:p@a", "https://localhost", "https://127.1", "https://2130706433", "https://10.1",
		"https://kubernetes.default.svc", "https://kubernetes", "https://169.254.1.1", "https://[fe80::1%25eth0]:1", "https://a:0", "https://a:99999", "https://a,b", "https://bücher.example", "http://a", "a", "gateway:443", "ftp://a", "HTTPS://a", "https://" + strings.Repeat("a", 300),
	}
	proxies := []string{"", "", "http://proxy:3128", "http://u:p@proxy", "http://localhost", "http://", "http://a,b", "http://a:0", "http://ip6-loopback:1", "http://169.254.1.1", "socks5://proxy/path", "http://proxy?a=b"}
	names := []string{"", "", "kubernetes.default.svc", "a_b", "[::1]", "a:1", "https://x", "a b", "fe80::1%eth0"}
	authorities := [][]byte{
		ca, ca, nil, append([]byte("text\n"), ca...), append(bytes.Clone(ca), ca[:len(ca)/2]...), append(append(bytes.Clone(ca), ' '), ca...), append(bytes.Clone(ca), pemBlock("PRIVATE KEY")...),
		append(bytes.Clone(ca), pemBlock("PUBLIC KEY")...), append([]byte("# comment\n"), ca...), append([]byte("\ufeff\n"), ca...),
	}
	users := []clientcmdapi.AuthInfo{
		{Token: "token"},
		{Token: "token"},
		{},
		{Token: "token\n"},
		{Token: "a b"},
		{Token: "é"},
		{Token: "token", Impersonate: "admin"},
		{Impersonate: "admin"},
		{Username: "a", Password: "b"},
		{ClientCertificateData: cert, ClientKeyData: key},
		{Token: "token", ClientCertificateData: cert, ClientKeyData: key},
		{Token: "token", ClientKeyData: key},
		{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{"idp-issuer-url": "https://idp", "client-id": "x"}}},
	}
	reasons := map[string]bool{}
	taken, refused := 0, 0
	try := func(key, server, proxy, name string, authority []byte, user clientcmdapi.AuthInfo, insecure, file bool) {
		kubeconfig := config(t)
		c := kubeconfig.Clusters["east"]
		c.Server, c.ProxyURL, c.TLSServerName, c.CertificateAuthorityData = server, proxy, name, authority
		switch {
		case insecure:
			c.CertificateAuthorityData, c.InsecureSkipTLSVerify = nil, true
		case file:
			c.CertificateAuthorityData, c.CertificateAuthority = nil, "/ca.crt"
		}
		kubeconfig.AuthInfos["east"] = &user
		secret := remoteSecret(map[string][]byte{key: encode(t, kubeconfig)})
		remotes, err := secrets.Parse(secret)
		if err != nil {
			require.NotEmpty(t, secrets.Lint(secret))
			return
		}
		taken++
		_, err = secrets.Build(remotes[0], secrets.Options{})
		if err == nil {
			return
		}
		refused++
		problems := secrets.Lint(secret)
		require.NotEmpty(t, problems, "Build says %v", err)
		// Each field that Build names has a Problem of its own.
		for _, one := range strings.Split(err.Error(), "\n") {
			field, _, _ := strings.Cut(one, ":")
			field, _, _ = strings.Cut(field, " ")
			reasons[field] = true
			parts := map[string]string{
				"Endpoint.Server": "server", "Endpoint.ProxyURL": "proxy-url", "Endpoint.ProxyAuth": "proxy-url", "Endpoint.TLSServerName": "tls-server-name", "Endpoint.CA": "certificate-authority-data",
				"Remote.Token": "", "Remote.Credential": "user", "Remote.CAFile": "certificate-authority", "Remote.Cluster": "data",
			}
			part, known := parts[field]
			require.True(t, known, "%q of %v", field, err)
			found := false
			for _, p := range problems {
				found = found || strings.Contains(p.Field, part)
			}
			require.True(t, found, "Build says %q, Lint says %v", one, problems)
		}
	}
	for _, server := range servers {
		try("east", server, "", "", ca, users[0], false, false)
	}
	for seed := range uint64(600) {
		g := rand.New(rand.NewPCG(seed, 2))
		try(keys[g.IntN(len(keys))], servers[g.IntN(len(servers))], proxies[g.IntN(len(proxies))], names[g.IntN(len(names))], authorities[g.IntN(len(authorities))], users[g.IntN(len(users))], g.IntN(8) == 0, g.IntN(8) == 0)
	}
	t.Logf("%d taken by istiod, %d of them refused by Build, for %d fields", taken, refused, len(reasons))
	require.Greater(t, refused, 200)
	require.Len(t, reasons, 7, "%v", reasons)
}

// TestLintOptions: what is fine for this istiod is no problem.
func TestLintOptions(t *testing.T) {
	secret, err := secrets.Build(remote(t), secrets.Options{Namespace: "istio-prod"})
	require.NoError(t, err)
	require.Len(t, secrets.Lint(secret), 1, "istiod is in istio-system if nobody says otherwise")
	require.Empty(t, secrets.LintOptions{Namespace: "istio-prod"}.Lint(secret))
	secret.Namespace = "istio-system"
	require.Empty(t, secrets.LintOptions{}.Lint(secret))
	problems := secrets.LintOptions{Namespace: "istio-prod"}.Lint(secret)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "istio-prod")

	for option, spoil := range map[string]func(*user){
		"exec": func(u *user) {
			u.Exec = &clientcmdapi.ExecConfig{Command: "aws", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never"}
		},
		"clientKey":         func(u *user) { u.ClientCertificateData, u.ClientKey = []byte("x"), "/key" },
		"clientCertificate": func(u *user) { u.ClientCertificate, u.ClientKeyData = "/cert", []byte("x") },
		"tokenFile":         func(u *user) { u.Token, u.TokenFile = "", "/token" },
	} {
		kubeconfig := config(t)
		spoil(kubeconfig.AuthInfos["east"])
		secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
		require.Len(t, errorsOf(secrets.Lint(secret)), 1, option)
		require.Contains(t, secrets.Lint(secret)[0].Remedy, "permits "+option)
		require.NotEmpty(t, errorsOf(secrets.LintOptions{InsecureOptions: []string{"other"}}.Lint(secret)), option)
		problems := secrets.LintOptions{InsecureOptions: []string{"gcp", option}}.Lint(secret)
		require.Empty(t, errorsOf(problems), option)
		require.NotEmpty(t, problems, "%s depends on istiod's container", option)
	}
}

// TestLintOfPluginsThatAreGone: no setting of istiod brings back what client-go has dropped.
func TestLintOfPluginsThatAreGone(t *testing.T) {
	for _, name := range []string{"gcp", "azure", "openstack", "foobar", "OIDC", "exec"} {
		kubeconfig := config(t)
		kubeconfig.AuthInfos["east"] = &user{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: name}}
		secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
		for _, o := range []secrets.LintOptions{{}, {InsecureOptions: []string{name}}, {InsecureOptions: strings.Split("gcp,azure,exec,openstack,foobar,OIDC", ",")}} {
			problems := errorsOf(o.Lint(secret))
			require.NotEmpty(t, problems, "%s %v", name, o)
			require.Contains(t, problems[0].Remedy, "no setting of istiod helps")
			require.NotContains(t, problems[0].Remedy, "PILOT_")
		}
	}
	for version, ok := range map[string]bool{"client.authentication.k8s.io/v1": true, "client.authentication.k8s.io/v1beta1": true, "client.authentication.k8s.io/v1alpha1": false, "": false} {
		kubeconfig := config(t)
		kubeconfig.AuthInfos["east"] = &user{Exec: &clientcmdapi.ExecConfig{Command: "aws", APIVersion: version, InteractiveMode: "Never"}}
		secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
		require.Equal(t, ok, len(errorsOf(secrets.LintOptions{InsecureOptions: []string{"exec"}}.Lint(secret))) == 0, version)
	}
}

// TestLintHidesMisplacedTokens: a data key, a label, a name or an annotation may be a token that somebody pasted.
func TestLintHidesMisplacedTokens(t *testing.T) {
	durable := secrets.Durable{Secrets: &store{}, Timeout: time.Millisecond, Poll: time.Millisecond}
	for _, hidden := range []string{jwt(t, map[string]any{"jti": random()}), strings.ToUpper(random()), "hvs." + random()} {
		for name, spoil := range map[string]func(*corev1.Secret){
			"key":        func(s *corev1.Secret) { s.Data[hidden] = nil },
			"bad key":    func(s *corev1.Secret) { s.Data[hidden+" x"] = s.Data["east"] },
			"label":      func(s *corev1.Secret) { s.Labels[secrets.LabelMultiCluster] = hidden },
			"name":       func(s *corev1.Secret) { s.Name = hidden },
			"namespace":  func(s *corev1.Secret) { s.Namespace = hidden },
			"annotation": func(s *corev1.Secret) { s.Annotations = map[string]string{secrets.AnnotationCluster: hidden} },
			"user": func(s *corev1.Secret) {
				s.Data["east"] = bytes.ReplaceAll(s.Data["east"], []byte("user: east"), []byte("user: "+hidden))
			},
			"users name": func(s *corev1.Secret) {
				s.Data["east"] = bytes.ReplaceAll(bytes.ReplaceAll(s.Data["east"], []byte("user: east"), []byte("user: "+hidden)), []byte("- name: east\n  user:\n    token: token"), []byte("- name: "+hidden+"\n  user:\n    tokenFile: /x"))
			},
		} {
			secret := remoteSecret(map[string][]byte{"east": encode(t, config(t))})
			spoil(secret)
			_, err := secrets.Parse(secret)
			requireNoLeak(t, hidden, secrets.Lint(secret), err, name)
		}
		name := secrets.SecretName(hidden)
		require.NotContains(t, name, strings.ToLower(hidden[:8]))
		r := remote(t)
		r.Cluster, r.Credential, r.CAFile = hidden, hidden, hidden
		requireNoLeak(t, hidden, r, &r, []secrets.Remote{r}, struct{ R *secrets.Remote }{&r})
		_, err := secrets.Build(r, secrets.Options{Namespace: hidden, Name: hidden, Labels: map[string]string{hidden + " ": hidden, "a": hidden + "/"}, Annotations: map[string]string{hidden + " ": hidden}})
		require.Error(t, err)
		requireNoLeak(t, hidden, err)
		for _, req := range []secrets.Request{{ServiceAccount: hidden}, {Name: hidden}, {Namespace: hidden}, {Labels: map[string]string{"a": hidden + "/"}}} {
			for _, source := range []secrets.TokenSource{durable, secrets.First(), secrets.Static(secrets.Token{}), secrets.First(durable)} {
				_, err := source.Token(t.Context(), req)
				require.Error(t, err, fmt.Sprintf("%T", source))
				requireNoLeak(t, hidden, err.Error())
			}
			_, err := secrets.First().(secrets.Resumer).Resume(t.Context(), req, nil)
			requireNoLeak(t, hidden, err)
		}
		_, err = secrets.ChooseCA(t.Context(), secrets.Endpoint{Server: "https://10.0.0.1", CA: testCA(t), TLSServerName: hidden + "/"}, nil, secrets.ChooseOptions{})
		requireNoLeak(t, hidden, err)
	}
	// The ID of an ACK cluster only looks like one.
	const ack = "ce3c25e247da24f3aab9b7edfae83000"
	require.Equal(t, ack, secrets.Lint(remoteSecret(map[string][]byte{ack: nil}))[0].Key)
	require.Contains(t, secrets.Remote{Cluster: ack}.String(), ack)
}
