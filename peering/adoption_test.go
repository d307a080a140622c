package peering_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// claiming is a token that says of itself whatever somebody wants, signed by nobody.
func claiming(t *testing.T, name, uid string) secrets.Token {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"sub": "system:serviceaccount:istio-system:anybody",
		"kubernetes.io": map[string]any{
			"namespace": "istio-system", "secret": map[string]string{"name": name, "uid": uid},
			"serviceaccount": map[string]string{"name": "anybody", "uid": "1"},
		},
	})
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return secrets.NewToken(encode([]byte(`{"alg":"none"}`))+"."+encode(payload)+"."+encode([]byte("none")), time.Time{})
}

// TestAdoptRevokeBelievesNoClaims: what a token says of itself is no reason to delete the Secret that it names.
func TestAdoptRevokeBelievesNoClaims(t *testing.T) {
	for name, named := range map[string]*corev1.Secret{
		"the CA of the mesh": {Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"ca-key.pem": []byte("key")}},
		"an empty marker":    {Type: corev1.SecretTypeOpaque},
		"a TLS Secret":       {Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("y")}},
		"a Secret with token of another type": {
			Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"token": nil}, // the token itself, see below
		},
		"another token": {
			Type:       corev1.SecretTypeServiceAccountToken,
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{corev1.ServiceAccountNameKey: "anybody"}},
		},
		"no such Secret": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				must(t, west, serviceAccount("anybody"))
				uid := "forged"
				token := claiming(t, "cacerts", uid)
				if named != nil {
					s := named.DeepCopy()
					s.Namespace, s.Name = "istio-system", "cacerts"
					if _, has := s.Data["token"]; has {
						s.Data["token"] = []byte(token.Reveal())
					}
					must(t, west, s)
				}
				remote, err := secrets.Build(secrets.Remote{Cluster: "west", Endpoint: west.Endpoint, Token: token}, secrets.Options{})
				require.NoError(t, err)
				must(t, east, remote)

				report, err := (&peering.Peering{Adopt: peering.AdoptRevoke}).Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Contains(t, fmt.Sprint(report.Links[0].Warnings), "cannot be revoked")
				if named != nil {
					_, err = west.Get(t.Context(), secret("cacerts"))
					require.NoError(t, err, "it is not ours to delete")
				}
			})
		})
	}
}

// TestAdoptRevokeKeepsAnotherUnderItsName: the Secret that held the old token was deleted and made again meanwhile.
func TestAdoptRevokeKeepsAnotherUnderItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		byIstioctl(t, west, east)
		const name = "istio-reader-service-account-istio-remote-secret-token"
		p := &peering.Peering{Adopt: peering.AdoptRevoke}
		var again string
		p.Observe = func(e peering.Event) {
			if e.Stage != peering.StageSync || again != "" {
				return
			}
			o, err := west.Get(t.Context(), secret(name))
			require.NoError(t, err)
			require.NoError(t, west.Delete(t.Context(), o))
			s := secret(name)
			s.Type, s.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "istio-reader-service-account"}
			o, err = west.Create(t.Context(), s)
			require.NoError(t, err)
			again = string(o.GetUID())
		}
		_, err := p.Ensure(t.Context(), link)
		o, found := west.Get(t.Context(), secret(name))
		require.NoError(t, found, "another object, another token: %v", err)
		require.Equal(t, again, string(o.GetUID()))
		require.NoError(t, err, "the old token is dead, which is what was wanted")
	})
}
