package differential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// credentials are made anew in each run.
type credentials struct {
	ca, cert, key, otherKey []byte
	token, password         string
}

func newCredentials(t *testing.T) credentials {
	t.Helper()
	caKey, ca := newKey(t), &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	client := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "admin"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	return credentials{
		ca:    certificate(t, ca, ca, caKey, caKey),
		cert:  certificate(t, leaf, ca, client, caKey),
		key:   keyPEM(t, client),
		token: "t" + rand.Text(), password: "p" + rand.Text(), otherKey: keyPEM(t, newKey(t)),
	}
}

// hide takes the token and the password out of a text, in the forms that Go prints them in.
func (c credentials) hide(text string) string {
	for _, hidden := range []string{c.token, c.password} {
		for _, form := range []string{hidden, base64.StdEncoding.EncodeToString([]byte(hidden)), fmt.Sprint([]byte(hidden))} {
			text = strings.ReplaceAll(text, form, "HIDDEN")
		}
	}
	return text
}

// webToken makes a token that can be known without a user who has it.
func webToken() string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256"}`) + "." + part(`{"jti":"`+rand.Text()+`"}`) + "." + part(rand.Text())
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func certificate(t *testing.T, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
