package secrets_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestClaims(t *testing.T) {
	issued, expires := time.Unix(1700000000, 0).UTC(), time.Unix(1700003600, 0).UTC()
	for _, c := range []struct {
		name   string
		claims map[string]any
		want   secrets.Claims
	}{
		{"bound", map[string]any{
			"iss": "https://issuer", "sub": "system:serviceaccount:istio-system:reader", "aud": []string{"api"},
			"iat": issued.Unix(), "exp": expires.Unix(),
			"kubernetes.io": map[string]any{
				"namespace":      "istio-system",
				"serviceaccount": map[string]any{"name": "reader", "uid": "u1"},
				"secret":         map[string]any{"name": "marker", "uid": "u2"},
			},
		}, secrets.Claims{
			Issuer: "https://issuer", Subject: "system:serviceaccount:istio-system:reader", Audiences: []string{"api"},
			IssuedAt: issued, Expires: expires, Namespace: "istio-system",
			ServiceAccount: "reader", ServiceAccountUID: "u1", SecretName: "marker", SecretUID: "u2",
		}},
		{"token Secret", map[string]any{
			"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:istio-system:reader",
			"kubernetes.io/serviceaccount/namespace":            "istio-system",
			"kubernetes.io/serviceaccount/service-account.name": "reader",
			"kubernetes.io/serviceaccount/service-account.uid":  "u1",
			"kubernetes.io/serviceaccount/secret.name":          "durable",
		}, secrets.Claims{
			Issuer: "kubernetes/serviceaccount", Subject: "system:serviceaccount:istio-system:reader",
			Namespace: "istio-system", ServiceAccount: "reader", ServiceAccountUID: "u1", SecretName: "durable",
		}},
		{"one audience", map[string]any{"aud": "istio-ca"}, secrets.Claims{Audiences: []string{"istio-ca"}}},
		{"fraction of a second", map[string]any{"exp": 1700003600.9}, secrets.Claims{Expires: expires}},
		{"no such year", map[string]any{"exp": 1e18}, secrets.Claims{}},
		{"before 1970", map[string]any{"exp": -1}, secrets.Claims{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := secrets.NewToken(jwt(t, c.claims), time.Time{}).Claims()
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestClaimsOfOtherTokens(t *testing.T) {
	for _, value := range []string{"", "token", "a.b", "a.!.c", "a.bm8.c", jwt(t, map[string]any{"exp": "soon"}), jwt(t, map[string]any{"aud": 1})} {
		_, err := secrets.NewToken(value, time.Time{}).Claims()
		require.ErrorIs(t, err, secrets.ErrNotJWT)
		require.EqualError(t, err, "secrets: token claims: not a JSON web token")
	}
}
