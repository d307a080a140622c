package traffic_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestDifferentRootsBehindAReset: an Envoy that hides the cause lets different roots look like a wrong gateway.
func TestDifferentRootsBehindAReset(t *testing.T) {
	const cut = "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure"
	one, other := root(t, "one"), root(t, "other")
	for _, tt := range []struct {
		name       string
		east, west []byte
		hint       string
	}{
		{"different", one, other, "Secret cacerts"},
		{"shared", one, append(append([]byte{}, other...), one...), "AUTO_PASSTHROUGH"},
		{"not to be read", one, nil, "AUTO_PASSTHROUGH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				publish(t, east, tt.east)
				publish(t, west, tt.west)
				answer(east, "curl", curled(503, cut))
				report, err := p.Verify(t.Context(), link)
				require.Error(t, err)
				got := result(t, report, "teapot")
				require.Contains(t, got.Hint, tt.hint)
				if tt.name == "different" {
					require.Contains(t, got.Summary, `east trusts ["CN=one"], west trusts ["CN=other"]`)
					require.NotContains(t, got.Summary, "gateway")
				}
			})
		})
	}
}

func publish(t *testing.T, m *peeringtest.Member, roots []byte) {
	t.Helper()
	if roots == nil {
		return
	}
	_, err := m.Create(t.Context(), &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "istio-ca-root-cert"},
		Data:       map[string]string{"root-cert.pem": string(roots)},
	})
	require.NoError(t, err)
}

func root(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
