package differential_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/secrets"
)

// istiod goes the way of one data key through istiod: Istio
// pkg/kube/multicluster/secretcontroller.go, DefaultBuildClientsFromConfig.
func istiod(kubeconfig []byte) (config *rest.Config, err error) {
	defer func() {
		if r := recover(); r != nil {
			config, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	config, err = kube.NewUntrustedRestConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	_, err = kube.NewClient(kube.NewClientConfigForRestConfig(rest.CopyConfig(config)), "east")
	return config, err
}

func remoteSecret(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-remote-secret-east",
			Labels: map[string]string{secrets.LabelMultiCluster: "true"},
		},
		Data: data,
	}
}

// agree fails unless Parse and Lint say of the kubeconfig what istiod says, and
// do so without its secrets. It reports whether istiod accepts.
func agree(t *testing.T, c credentials, name string, kubeconfig []byte) bool {
	t.Helper()
	want, refusal := istiod(kubeconfig)
	secret := remoteSecret(map[string][]byte{"east": kubeconfig})
	remotes, err := secrets.Parse(secret)
	problems := secrets.Lint(secret)
	if said := fmt.Sprintf("%v %+v %#v", err, problems, problems); said != c.hide(said) {
		t.Fatalf("%s: a secret is in %s", name, c.hide(said))
	}
	if differ(err, refusal) {
		return refusal == nil
	}
	if (err == nil) != (refusal == nil) {
		t.Fatalf("%s\nParse:  %s\nistiod: %s", name, c.hide(fmt.Sprint(err)), c.hide(fmt.Sprint(refusal)))
	}
	errors := 0
	for _, p := range problems {
		if p.Severity == secrets.SeverityError {
			errors++
		}
	}
	require.Equal(t, err != nil, errors > 0, name)
	if refusal != nil {
		return false
	}
	require.Len(t, remotes, 1, name)
	sameMeaning(t, name, want, remotes[0])
	return true
}

// sameMeaning fails unless r says what istiod's client is configured with.
func sameMeaning(t *testing.T, name string, want *rest.Config, r secrets.Remote) {
	t.Helper()
	require.True(t, strings.HasPrefix(r.Endpoint.Server, want.Host), "%s: a query is dropped, nothing else", name)
	ours, err := r.Endpoint.Proxy()
	require.NoError(t, err, name)
	require.Equal(t, ours != nil, want.Proxy != nil, name)
	if want.Proxy != nil {
		proxy, err := want.Proxy(&http.Request{})
		require.NoError(t, err, name)
		require.True(t, *proxy == *ours || proxy.String() == ours.String(), name)
	}
	if !rest.IsConfigTransportTLS(*want) {
		return // without TLS client-go reads neither trust nor credentials
	}
	require.Equal(t, string(want.CAData), string(r.Endpoint.CA), name)
	require.Equal(t, want.CAFile, r.CAFile, name)
	require.Equal(t, want.ServerName, r.Endpoint.TLSServerName, name)
	require.Equal(t, want.Insecure, r.Endpoint.InsecureSkipTLSVerify, name)
	require.True(t, want.BearerToken == r.Token.Reveal(), name)
	require.Equal(t, kinds(want), r.Credential, name)
}

// kinds are the credentials of a client besides its token.
func kinds(c *rest.Config) string {
	var found []string
	if len(c.CertData) > 0 {
		found = append(found, "client certificate")
	}
	if c.Username != "" || c.Password != "" {
		found = append(found, "basic auth")
	}
	if c.AuthProvider != nil {
		found = append(found, c.AuthProvider.Name+" auth provider")
	}
	if len(found) == 0 && c.BearerToken == "" {
		found = append(found, "none")
	}
	if c.Impersonate.UserName != "" {
		found = append(found, "impersonation")
	}
	return strings.Join(found, " + ")
}
