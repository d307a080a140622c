package peeringtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// claims are those of a service-account token that the server looks at again when the token is used.
type claims struct {
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp,omitempty"`
	ID      string `json:"jti"`
	Private struct {
		Namespace string    `json:"namespace"`
		Account   reference `json:"serviceaccount"`
		Secret    reference `json:"secret"`
	} `json:"kubernetes.io"`
}

type reference struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// sign makes a JWT in form only: this server knows its tokens by looking up what they name.
func (c claims) sign() string {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "." + encode([]byte(rand.Text()))
}

// readClaims are those of a token; false if it is none of this kind.
func readClaims(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return c, err == nil && json.Unmarshal(payload, &c) == nil
}

func (s *Server) newClaims(account *corev1.ServiceAccount, secret *corev1.Secret) claims {
	c := claims{Subject: "system:serviceaccount:" + account.Namespace + ":" + account.Name, Issued: s.now().Unix(), ID: rand.Text()}
	c.Private.Namespace = account.Namespace
	c.Private.Account = reference{account.Name, string(account.UID)}
	c.Private.Secret = reference{secret.Name, string(secret.UID)}
	return c
}

func (s *Server) account(namespace, name string) *corev1.ServiceAccount {
	return find[*corev1.ServiceAccount](&s.store, "ServiceAccount", namespace, name)
}

// bearer is what a token with these claims rests on: the Secret that it is bound to, if it is, and the account; no account if
// the token is refused.
func (s *Server) bearer(token string, c claims) (secret *corev1.Secret, _ *corev1.ServiceAccount) {
	if c.Expires != 0 && s.now().Unix() >= c.Expires {
		return nil, nil
	}
	account := s.account(c.Private.Namespace, c.Private.Account.Name)
	if account == nil || string(account.UID) != c.Private.Account.UID {
		return nil, nil
	}
	if c.Private.Secret.Name == "" {
		return nil, account
	}
	secret = find[*corev1.Secret](&s.store, "Secret", c.Private.Namespace, c.Private.Secret.Name)
	if secret == nil || string(secret.UID) != c.Private.Secret.UID {
		return nil, nil
	}
	if stored, ok := secret.Data[corev1.ServiceAccountTokenKey]; ok && string(stored) != token {
		return nil, nil
	}
	return secret, account
}
