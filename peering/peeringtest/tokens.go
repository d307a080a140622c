package peeringtest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
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

// control is the token controller: it fills a token Secret, or deletes one whose account is not there.
func (s *Server) control(o peering.Object) {
	secret, ok := o.(*corev1.Secret)
	if !ok || secret.Type != corev1.SecretTypeServiceAccountToken || s.NoTokenController {
		return
	}
	if s.TokenDelay <= 0 {
		s.fill(secret)
		return
	}
	time.AfterFunc(s.TokenDelay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if live := find[*corev1.Secret](&s.store, "Secret", secret.Namespace, secret.Name); live != nil && live.UID == secret.UID {
			s.fill(live)
		}
	})
}

func (s *Server) fill(secret *corev1.Secret) {
	account := s.account(secret.Namespace, secret.Annotations[corev1.ServiceAccountNameKey])
	if account == nil {
		s.store.drop(key(secret))
		return
	}
	filled := secret.DeepCopy()
	if filled.Annotations == nil {
		filled.Annotations = map[string]string{}
	}
	filled.Annotations[corev1.ServiceAccountUIDKey] = string(account.UID)
	filled.Data = map[string][]byte{
		corev1.ServiceAccountTokenKey:     []byte(s.newClaims(account, secret).sign()),
		corev1.ServiceAccountRootCAKey:    s.endpoint.CA,
		corev1.ServiceAccountNamespaceKey: []byte(secret.Namespace),
	}
	s.store.put(filled)
}

func (s *Server) account(namespace, name string) *corev1.ServiceAccount {
	return find[*corev1.ServiceAccount](&s.store, "ServiceAccount", namespace, name)
}

// accounts is Cluster.Accounts.
func (s *Server) accounts(namespace string) secrets.TokenCreator { return tokenRequests{s, namespace} }

type tokenRequests struct {
	*Server
	namespace string
}

// CreateToken answers a TokenRequest for a token bound to a Secret.
func (t tokenRequests) CreateToken(ctx context.Context, name string, request *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	out := request.DeepCopy()
	like := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: name}}
	err := t.call(ctx, "create token", like, func() error {
		account := t.account(t.namespace, name)
		if account == nil {
			return apierrors.NewNotFound(resource(like), name)
		}
		marker := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace}}
		if bound := request.Spec.BoundObjectRef; bound != nil {
			marker.Name, marker.UID = bound.Name, bound.UID
			if err := t.matches(marker); err != nil {
				return err
			}
		}
		life := time.Hour
		if s := request.Spec.ExpirationSeconds; s != nil {
			life = time.Duration(*s) * time.Second
		}
		c := t.newClaims(account, marker)
		c.Expires = t.now().Add(life).Unix()
		out.Status = authenticationv1.TokenRequestStatus{Token: c.sign(), ExpirationTimestamp: metav1.NewTime(time.Unix(c.Expires, 0))}
		return nil
	})
	return out, err
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
