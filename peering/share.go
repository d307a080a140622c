package peering

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	if s.live == nil {
		_, undo, err = t.writer(t.from).Create(ctx, want)
		t.changed = time.Now()
		return undo, err
	}
	if t.from.watch != nil {
		t.held, _ = t.from.watch.Hold(ctx, t.To.ID.String()) // a replica that cannot tell is not compared
	}
	_, undo, err = t.writer(t.from).Update(ctx, s.live, want)
	t.changed = time.Now().Add(settled)
	return undo, err
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
		remotes, err := secrets.Parse(stored.(*corev1.Secret))
		if err == nil && len(remotes) == 1 && remotes[0].Cluster == t.To.ID.String() && remotes[0].Token.Equal(t.token) {
			return nil
		}
	}
	return &keptError{"kept: " + t.secretObject() + " does not hold the new token any more: somebody else wrote it; the next Ensure looks again"}
}
