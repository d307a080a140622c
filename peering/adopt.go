package peering

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
	// AdoptRevoke does the same and then deletes the object that holds the old credential. istioctl gives every cluster the
	// same token of an account: a cluster that still uses it loses access, unless it is a member of this call, which is
	// looked at.
	AdoptRevoke Adoption = "revoke"
)

// adoptable refuses what cannot be taken over without loss: a Secret that names another cluster, alone or with this one.
func (w *work) adoptable(s *corev1.Secret) error {
	_, names := s.Data[w.To.ID.String()]
	switch {
	case !names:
		return fmt.Errorf("the Secret %s/%s does not name cluster %q: remove or rename it; adopting it would overwrite what it holds", s.Namespace, s.Name, w.To.ID)
	case len(s.Data) != 1:
		return fmt.Errorf("the Secret %s/%s names %d clusters: split it into one Secret for each before you adopt it", s.Namespace, s.Name, len(s.Data))
	}
	return nil
}

// mayAdopt says whether Peering.Adopt would take over what others hold for the cluster.
func (w *work) mayAdopt(foreign []*corev1.Secret) bool {
	return len(foreign) == 1 && w.live.secret == nil && w.adoptable(foreign[0]) == nil
}

// revokeAdopted ends the credential that an adopted Secret held.
func (w *work) revokeAdopted() []step {
	if !w.live.adopted || w.Adopt != AdoptRevoke {
		return nil
	}
	old, why := w.shared()
	if why != "" {
		w.warn("the old credential cannot be revoked: " + why)
		return nil
	}
	claims, err := old.Token.Claims()
	if err != nil || claims.SecretName == "" {
		w.warn("the old credential cannot be revoked, because no Secret stands for it; it ends " + ending(claims.Expires))
		return nil
	}
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: claims.Namespace, Name: claims.SecretName, UID: types.UID(claims.SecretUID)}}
	s := step{
		kind: clean,
		Step: Step{Change: Change{Stage: StageRevoke, On: w.To.ID, Object: "Token/" + object.Namespace + "/" + object.Name, Action: Revoked}, UID: claims.SecretUID},
	}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		if user := w.otherUser(ctx, old.Token.Ref().Fingerprint); user != "" {
			return nil, &keptError{"kept: " + user + " still uses it"}
		}
		return nil, remove(ctx, w.to.Objects, object)
	}
	return []step{w.onceSeen(s)}
}

// otherUser looks through the members of the call for a remote secret with the same token.
func (w *work) otherUser(ctx context.Context, fingerprint string) string {
	for _, m := range w.members {
		if m.ID == w.From.ID || m.err != nil {
			continue
		}
		remotes, err := m.readRemotes(ctx)
		if err != nil {
			return "perhaps cluster " + m.ID.String() + ", which cannot be read: " + err.Error()
		}
		for _, s := range remotes {
			found, _ := secrets.Parse(s) // what istiod refuses uses nothing
			for _, r := range found {
				if r.Token.Ref().Fingerprint == fingerprint {
					return "Secret " + s.Namespace + "/" + s.Name + " of " + m.ID.String()
				}
			}
		}
	}
	return ""
}

func ending(at time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	return "at " + at.UTC().Format(time.RFC3339)
}
