package peeringtest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/peering"
)

// RewriteTokens puts another token into every token Secret and returns how many there are. What they held before is refused
// from now on, as after an update that takes the token out of the Secret: the token controller then makes another.
func (s *Server) RewriteTokens() (rewritten int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.store.in(group{"Secret", byKind, "", ""}) {
		if secret, ok := o.(*corev1.Secret); ok && len(secret.Data[corev1.ServiceAccountTokenKey]) > 0 && isTokenSecret(o) {
			s.fill(secret)
			rewritten++
		}
	}
	return rewritten
}

func isTokenSecret(o peering.Object) bool {
	secret, ok := o.(*corev1.Secret)
	return ok && secret.Type == corev1.SecretTypeServiceAccountToken
}

// control is the token controller: it fills a token Secret that has no token, or deletes one whose account is not there
// (Kubernetes pkg/controller/serviceaccount/tokens_controller.go).
func (s *Server) control(o peering.Object) {
	if !isTokenSecret(o) || s.NoTokenController {
		return
	}
	secret := o.(*corev1.Secret)
	if len(secret.Data[corev1.ServiceAccountTokenKey]) > 0 {
		return
	}
	s.later(func() {
		if live := find[*corev1.Secret](&s.store, "Secret", secret.Namespace, secret.Name); live != nil && live.UID == secret.UID {
			s.fill(live)
		}
	})
}

// orphan deletes the token Secrets of an account that is gone.
func (s *Server) orphan(o peering.Object) {
	account, ok := o.(*corev1.ServiceAccount)
	if !ok || s.NoTokenController {
		return
	}
	s.later(func() {
		for _, o := range s.store.in(group{"Secret", byNamespace, account.Namespace, ""}) {
			uid := types.UID(o.GetAnnotations()[corev1.ServiceAccountUIDKey])
			if isTokenSecret(o) && o.GetAnnotations()[corev1.ServiceAccountNameKey] == account.Name && (uid == "" || uid == account.UID) {
				s.store.drop(key(o))
			}
		}
	})
}

// later does what the token controller does, under the server's lock.
func (s *Server) later(do func()) {
	if s.TokenDelay <= 0 {
		do()
		return
	}
	time.AfterFunc(s.TokenDelay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		do()
	})
}

func (s *Server) fill(secret *corev1.Secret) {
	account := s.account(secret.Namespace, secret.Annotations[corev1.ServiceAccountNameKey])
	if uid := types.UID(secret.Annotations[corev1.ServiceAccountUIDKey]); account == nil || uid != "" && uid != account.UID {
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
