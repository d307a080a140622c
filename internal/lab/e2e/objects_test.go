//go:build linux

package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// grant makes an account with the minimal role in cluster 0.
func grant(t *testing.T, w *world, account string) {
	t.Helper()
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, Name: account, ServiceAccount: account})
	require.NoError(t, err)
	for _, o := range reader.Objects() {
		_, err := w.clusters[0].Objects.Create(t.Context(), o.(peering.Object))
		require.NoError(t, err)
	}
}

// remoteSecret names cluster 0 as id, with a token of reader-account.
func remoteSecret(t *testing.T, w *world, name, id string) *corev1.Secret {
	t.Helper()
	granted, err := w.clusters[0].Accounts("istio-system").CreateToken(t.Context(), "reader-account", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	token := secrets.NewToken(granted.Status.Token, granted.Status.ExpirationTimestamp.Time)
	secret, err := secrets.Build(secrets.Remote{Cluster: id, Endpoint: w.clusters[0].Endpoint, Token: token}, secrets.Options{Name: name})
	require.NoError(t, err)
	return secret
}

func create(t *testing.T, w *world, s *corev1.Secret) {
	t.Helper()
	_, err := w.clusters[1].Objects.Create(t.Context(), s)
	require.NoError(t, err)
}

func get(t *testing.T, w *world, name string) *corev1.Secret {
	t.Helper()
	o, err := w.clusters[1].Objects.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name}})
	require.NoError(t, err)
	return o.(*corev1.Secret)
}

func update(t *testing.T, w *world, s *corev1.Secret) {
	t.Helper()
	_, err := w.clusters[1].Objects.Update(t.Context(), s)
	require.NoError(t, err)
}
