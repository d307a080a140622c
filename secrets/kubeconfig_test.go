package secrets_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// config is a good kubeconfig for tests to spoil.
func config(t testing.TB) *clientcmdapi.Config {
	return &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"east": {Server: "https://10.0.0.1:6443", CertificateAuthorityData: testCA(t)}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"east": {Token: "token"}},
		Contexts:       map[string]*clientcmdapi.Context{"east": {Cluster: "east", AuthInfo: "east"}},
		CurrentContext: "east",
	}
}

func encode(t testing.TB, config *clientcmdapi.Config) []byte {
	t.Helper()
	data, err := clientcmd.Write(*config)
	require.NoError(t, err)
	return data
}

// remoteSecret is a well-formed Secret with these keys.
func remoteSecret(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-remote-secret-east",
			Labels: map[string]string{secrets.LabelMultiCluster: "true"},
		},
		Data: data,
	}
}
