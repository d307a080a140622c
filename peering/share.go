package peering

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/secrets"
)

// share writes the remote secret into From. An existing one is updated in place: to istiod, delete and create would be the
// loss of the cluster.
func (t *task) share() []step {
	s := step{do: (*task).write, Step: Step{Change: Change{Stage: StageShare, On: t.From.ID, Object: t.secretObject(), Action: Created}, Undo: "delete it"}}
	live := t.seen.secret
	if live == nil {
		return []step{s}
	}
	s.live, s.Action, s.Reason, s.UID, s.Undo = live, Updated, t.seen.stale, string(live.UID), "restore the old content"
	if t.seen.adopted {
		s.Action = Adopted
	}
	if t.seen.stale == "" {
		want, err := t.secret(t.token)
		if err == nil {
			_, s.Reason, _ = apply.Merge(live, want)
		}
		switch {
		case err == nil && s.Reason == "":
			s.Action, s.Undo, s.do = Unchanged, "", nil
		case err == nil:
			s.want = want
		}
	}
	return []step{s}
}

// write stores the remote secret with the token in use.
func (t *task) write(ctx context.Context, s step) (undo apply.Undo, err error) {
	want, err := t.secret(t.token)
	if err != nil {
		return nil, err
	}
	t.written = want.Data
	if s.live == nil {
		_, undo, err = t.writer(t.from).Create(ctx, want)
		t.changed = time.Now()
		return undo, err
	}
	if t.from.watch != nil {
		t.idle(func() { t.held, _ = t.from.watch.Hold(ctx, t.To.ID.String()) }) // a replica that cannot tell is not compared
	}
	_, undo, err = t.writer(t.from).Update(ctx, s.live, want)
	t.changed = time.Now().Add(settled)
	return t.restartAfter(undo), err
}

// settled is how long a replica is given to notice a Secret that changed: it watches Secrets, and a swap was seen to take a
// tenth of that. Before, "synced" may still be about the old credential.
const settled = time.Second

// secretName is the remote secret's: the usual one, or that of one which was adopted.
func (t *task) secretName() string {
	if t.seen.secret != nil {
		return t.seen.secret.Name
	}
	return secrets.SecretName(t.To.ID.String())
}

func (t *task) secretObject() string {
	return line("Secret/" + t.From.namespace() + "/" + t.secretName())
}

// remote is To as From's istiod is to see it.
func (t *task) remote(token secrets.Token) secrets.Remote {
	return secrets.Remote{Cluster: t.To.ID.String(), Endpoint: t.want.endpoint, Token: token}
}

// secret is the remote secret with the token, and beside it the record of the token.
func (t *task) secret(token secrets.Token) (*corev1.Secret, error) {
	ref, err := json.Marshal(token.Ref())
	if err != nil {
		return nil, err
	}
	return secrets.Build(t.remote(token), secrets.Options{
		Namespace:   t.From.namespace(),
		Name:        t.secretName(),
		Labels:      t.labels(),
		Annotations: map[string]string{AnnotationCredential: string(ref)},
	})
}

// unshare deletes the remote secret: istiod drops To's endpoints at once.
func (t *task) unshare() []step {
	s := step{kind: clean, Step: Step{Change: Change{Stage: StageShare, On: t.From.ID, Object: t.secretObject(), Action: Unchanged, Reason: "not there"}}}
	switch {
	case t.from.err != nil:
		s.Action, s.Reason, s.do = Deleted, "", t.from.cannot
	case t.seen.secret != nil:
		s.Action, s.Reason, s.UID, s.do = Deleted, "", string(t.seen.secret.UID), (*task).withdraw
	}
	return []step{s}
}

func (t *task) withdraw(ctx context.Context, _ step) (apply.Undo, error) {
	return nil, t.writer(t.from).Delete(ctx, t.seen.secret)
}

// lastLook keeps an old credential unless From's remote secret, as it is stored now, is known to hold the new one.
func (t *task) lastLook(ctx context.Context) error {
	stored, err := find(ctx, t.from.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.From.namespace(), Name: t.secretName()}})
	if err != nil {
		return &keptError{"kept: " + t.secretObject() + " could not be read again: " + oneLine(err)}
	}
	if stored != nil {
		secret := stored.(*corev1.Secret)
		if t.written != nil && secret.Labels[secrets.LabelMultiCluster] == "true" && maps.EqualFunc(secret.Data, t.written, bytes.Equal) {
			return nil // what this call wrote, with its token and no other
		}
		remotes, err := secrets.Parse(secret)
		if err == nil && len(remotes) == 1 && remotes[0].Cluster == t.To.ID.String() && remotes[0].Token.Equal(t.token) {
			return nil
		}
	}
	return &keptError{"kept: " + t.secretObject() + " does not hold the new token any more: somebody else wrote it; the next Ensure looks again"}
}

// Adoption says what becomes of a remote secret that another tool made.
type Adoption string

const (
	AdoptNone   Adoption = ""       // leave it alone: a typed error names its owner
	AdoptKeep   Adoption = "keep"   // take it over in place, so that istiod never loses the cluster, and put a credential of our own into it
	AdoptRevoke Adoption = "revoke" // and end the old one, which other clusters may use too: istioctl gives all the same
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
