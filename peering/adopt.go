package peering

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/secrets"
)

// Adoption says what becomes of a remote secret for a link that istioctl or another tool made.
type Adoption string

const (
	// AdoptNone leaves it alone: a typed error names its owner.
	AdoptNone Adoption = ""
	// AdoptKeep takes it over in place, under its name and key, so that istiod never loses the cluster, and puts a credential
	// of our own into it. The old credential stays valid.
	AdoptKeep Adoption = "keep"
	// AdoptRevoke does the same and then deletes the object that holds the old credential, if To has one that is seen to hold
	// it. istioctl gives every cluster the same token of an account: a cluster that still uses it loses access, unless it is a
	// member of this call, which is looked at.
	AdoptRevoke Adoption = "revoke"
)

// adoptable refuses what cannot be taken over without loss: a Secret that names another cluster, alone or with this one.
func adoptable(id ID, s *corev1.Secret) error {
	_, names := s.Data[id.String()]
	switch {
	case !names:
		return fmt.Errorf("the Secret %s/%s does not name cluster %q: remove or rename it; adopting it would overwrite what it holds", s.Namespace, s.Name, id)
	case len(s.Data) != 1:
		return fmt.Errorf("the Secret %s/%s names %d clusters: split it into one Secret for each before you adopt it", s.Namespace, s.Name, len(s.Data))
	}
	return nil
}

// observeOld looks for the object in To that keeps the credential of an adopted Secret alive. The token's claims name a
// candidate, and anybody can write claims: only a service account token Secret that holds this very token counts.
func (t *task) observeOld(ctx context.Context) *Error {
	if !t.seen.adopted || t.Adopt != AdoptRevoke {
		return nil
	}
	if t.seen.useless != "" {
		t.warn("the old credential cannot be revoked: " + t.seen.useless)
		return nil
	}
	token := t.seen.shared.Token
	claims, err := token.Claims()
	if err != nil || claims.SecretName == "" {
		t.warn("the old credential cannot be revoked, because no Secret stands for it; it ends " + ending(claims.Expires))
		return nil
	}
	found, err := t.to.find(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: claims.Namespace, Name: claims.SecretName}})
	if err != nil {
		return t.failed(StageRead, t.To.ID, err)
	}
	candidate, _ := found.(*corev1.Secret)
	if why := holdsNot(candidate, token); why != "" {
		t.warn(fmt.Sprintf("the old credential cannot be revoked: Secret %s/%s, which it names, %s; it ends %s",
			claims.Namespace, claims.SecretName, why, ending(claims.Expires)))
		return nil
	}
	t.seen.old = candidate
	return nil
}

// holdsNot says why a Secret is not what keeps a token alive; "" if it is.
func holdsNot(s *corev1.Secret, token secrets.Token) string {
	switch {
	case s == nil:
		return "does not exist"
	case s.Type != corev1.SecretTypeServiceAccountToken:
		return "is not of type " + string(corev1.SecretTypeServiceAccountToken)
	case !token.Equal(secrets.NewToken(string(s.Data[corev1.ServiceAccountTokenKey]), time.Time{})):
		return "holds another token"
	}
	return ""
}

// revokeAdopted ends the credential that an adopted Secret held.
func (t *task) revokeAdopted(old *corev1.Secret) step {
	s := t.revokeObject(old)
	s.do = func(t *task, ctx context.Context, s step) (apply.Undo, error) {
		if user := t.otherUser(ctx, t.seen.shared.Token.Ref().Fingerprint); user != "" {
			return nil, &keptError{"kept: " + user + " still uses it"}
		}
		_, err := t.drop(ctx, s)
		if apierrors.IsConflict(err) {
			if stored, unread := find(ctx, t.to.objects, old); unread == nil && (stored == nil || stored.GetUID() != old.UID) {
				return nil, nil // another has its name, which is not this link's; the credential is over
			}
		}
		return nil, err
	}
	return s
}

// otherUser looks through the members of the call for another remote secret with the same token.
func (t *task) otherUser(ctx context.Context, fingerprint string) string {
	for c, s := range t.clusters {
		if s.err != nil {
			if c != t.From {
				return "perhaps cluster " + c.ID.String() + ", which does not answer"
			}
			continue
		}
		remotes, err := remotesOf(ctx, s.objects, c)
		if err != nil {
			return "perhaps cluster " + c.ID.String() + ", which cannot be read: " + err.Error()
		}
		for _, secret := range remotes {
			if c == t.From && secret.Name == t.secretName() {
				continue // the one that was adopted, and looked at just now
			}
			found, _ := secrets.Parse(secret) // what istiod refuses uses nothing
			for _, r := range found {
				if r.Token.Ref().Fingerprint == fingerprint {
					return "Secret " + secret.Namespace + "/" + secret.Name + " of " + c.ID.String()
				}
			}
		}
	}
	return ""
}
