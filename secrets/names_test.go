package secrets_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestSecretName(t *testing.T) {
	for _, c := range []struct{ cluster, want string }{
		{"east", "istio-remote-secret-east"},
		{"ce3c25e247da24f3aab9b7edfae83000", "istio-remote-secret-ce3c25e247da24f3aab9b7edfae83000"},
		{"54643f96-eca0-11e9-bb97-42010a80000a", "istio-remote-secret-54643f96-eca0-11e9-bb97-42010a80000a"},
		{"Kubernetes", "istio-remote-secret-kubernetes-a37d07fe"},
		{"a_b", "istio-remote-secret-a-b-648fa9b3"},
		{"a.b", "istio-remote-secret-a.b"},
		{"prod.eu-west", "istio-remote-secret-prod.eu-west"},
		{"a..b", "istio-remote-secret-a--b-f62b4241"},
		{"a.B", "istio-remote-secret-a-b-55797dbb"},
		{"east-", "istio-remote-secret-east-c305d12f"},
		{"---", "istio-remote-secret-cb3f91d5"},
		{strings.Repeat("x", 70), "istio-remote-secret-" + strings.Repeat("x", 70)},
		{strings.Repeat("x", 233), "istio-remote-secret-" + strings.Repeat("x", 233)},
		{strings.Repeat("east.", 47), "istio-remote-secret-" + "east-east-east-east-east-east-east-east-east-east-east-5de70120"},
	} {
		t.Run(c.cluster, func(t *testing.T) {
			got := secrets.SecretName(c.cluster)
			require.Equal(t, c.want, got)
			require.Empty(t, validation.IsDNS1123Subdomain(got))
		})
	}
}

func TestObjectName(t *testing.T) {
	long := strings.Repeat("a", 250)
	for _, c := range []struct {
		name string
		req  secrets.Request
		want string
	}{
		{"default", secrets.Request{}, "istio-reader-service-account-token-0"},
		{"generation", secrets.Request{ServiceAccount: "east-reads-west", Generation: 7}, "east-reads-west-token-7"},
		{"given", secrets.Request{ServiceAccount: "reader", Name: "mine"}, "mine"},
		{"long", secrets.Request{ServiceAccount: long}, strings.Repeat("a", 244) + "-c67278f2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.req.ObjectName()
			require.Equal(t, c.want, got)
			require.Empty(t, validation.IsDNS1123Subdomain(got))
		})
	}
	require.NotEqual(t,
		secrets.Request{ServiceAccount: long, Generation: 1}.ObjectName(),
		secrets.Request{ServiceAccount: long, Generation: 2}.ObjectName())
}
