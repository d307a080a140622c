package peeringtest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
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

func newClaims(account *corev1.ServiceAccount, secret *corev1.Secret) claims {
	c := claims{Subject: "system:serviceaccount:" + account.Namespace + ":" + account.Name, Issued: time.Now().Unix(), ID: rand.Text()}
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
	account := s.account(secret.Namespace, secret.Annotations[corev1.ServiceAccountNameKey])
	if account == nil {
		delete(s.objects, key(secret))
		return
	}
	filled := secret.DeepCopy()
	if filled.Annotations == nil {
		filled.Annotations = map[string]string{}
	}
	filled.Annotations[corev1.ServiceAccountUIDKey] = string(account.UID)
	filled.Data = map[string][]byte{
		corev1.ServiceAccountTokenKey:     []byte(newClaims(account, secret).sign()),
		corev1.ServiceAccountRootCAKey:    s.endpoint.CA,
		corev1.ServiceAccountNamespaceKey: []byte(secret.Namespace),
	}
	s.store(filled)
}

func (s *Server) account(namespace, name string) *corev1.ServiceAccount {
	account, _ := s.objects[key(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})].(*corev1.ServiceAccount)
	return account
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
		marker := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: request.Spec.BoundObjectRef.Name, UID: request.Spec.BoundObjectRef.UID}}
		if err := t.matches(marker); err != nil {
			return err
		}
		life := time.Hour
		if s := request.Spec.ExpirationSeconds; s != nil {
			life = time.Duration(*s) * time.Second
		}
		c := newClaims(account, marker)
		c.Expires = time.Now().Add(life).Unix()
		out.Status = authenticationv1.TokenRequestStatus{Token: c.sign(), ExpirationTimestamp: metav1.NewTime(time.Unix(c.Expires, 0))}
		return nil
	})
	return out, err
}

// identify is who a token speaks for now; nil if it is refused.
func (s *Server) identify(token string) *corev1.ServiceAccount {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c claims
	if err != nil || json.Unmarshal(payload, &c) != nil || c.Expires != 0 && time.Now().Unix() >= c.Expires {
		return nil
	}
	secret, _ := s.objects[key(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.Private.Namespace, Name: c.Private.Secret.Name}})].(*corev1.Secret)
	account := s.account(c.Private.Namespace, c.Private.Account.Name)
	if secret == nil || string(secret.UID) != c.Private.Secret.UID || account == nil || string(account.UID) != c.Private.Account.UID {
		return nil
	}
	if stored, ok := secret.Data[corev1.ServiceAccountTokenKey]; ok && string(stored) != token {
		return nil
	}
	return account
}

func (s *Server) sorted() []peering.Object {
	var all []peering.Object
	for _, k := range slices.Sorted(maps.Keys(s.objects)) {
		all = append(all, s.objects[k])
	}
	return all
}
