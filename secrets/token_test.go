package secrets_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestToken(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	token := secrets.NewToken("token", expires)

	require.Equal(t, "token", token.Reveal())
	require.Equal(t, expires, token.Expires())
	require.False(t, token.IsZero())
	require.True(t, token.Equal(secrets.NewToken("token", time.Time{})))
	require.False(t, token.Equal(secrets.NewToken("tokem", expires)))
	require.False(t, token.Equal(secrets.Token{}))

	zero := secrets.NewToken("", time.Time{})
	require.True(t, zero.IsZero())
	require.Empty(t, zero.Reveal())
	require.True(t, zero.Equal(secrets.Token{}))
	require.Empty(t, zero.Ref())
}

func TestTokenRef(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	warnings := []string{"shorter"}
	token := secrets.NewToken("token", expires).WithRef(secrets.Ref{
		Kind: secrets.KindBound, Namespace: "istio-system", Name: "marker", UID: "u1",
		ServiceAccount: "reader", ServiceAccountUID: "u2", Generation: 3,
		Fingerprint: "ignored", Warnings: warnings,
	})
	warnings[0] = "changed"
	ref := token.Ref()
	require.Equal(t, "3c469e9d", ref.Fingerprint)
	require.Equal(t, expires, ref.Expires)
	require.Equal(t, []string{"shorter"}, ref.Warnings)
	ref.Warnings[0] = "changed"
	require.Equal(t, []string{"shorter"}, token.Ref().Warnings)

	got, err := json.Marshal(token.Ref())
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"bound","namespace":"istio-system","name":"marker","uid":"u1",
		"serviceAccount":"reader","serviceAccountUID":"u2","generation":3,
		"expires":"2030-01-02T03:04:05Z","fingerprint":"3c469e9d","warnings":["shorter"]}`, string(got))
	got, err = json.Marshal(secrets.Ref{})
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(got))
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		name   string
		secret *corev1.Secret
		want   secrets.Kind
	}{
		{"nil", nil, ""},
		{"token Secret", &corev1.Secret{Type: corev1.SecretTypeServiceAccountToken}, secrets.KindDurable},
		{"marker", &corev1.Secret{Type: corev1.SecretTypeOpaque}, secrets.KindBound},
		{"no type", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, secrets.KindBound},
		{"somebody's data", &corev1.Secret{Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"a": nil}}, ""},
		{"other type", &corev1.Secret{Type: corev1.SecretTypeTLS}, ""},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, secrets.KindOf(c.secret)) })
	}
}
