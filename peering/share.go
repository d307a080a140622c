package peering

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// share writes the remote secret into From. An existing one is updated in place: to istiod, delete and create would be the
// loss of the cluster.
func (w *work) share() []step {
	s := step{Step: Step{Change: Change{Stage: StageShare, On: w.From.ID, Object: w.secretObject(), Action: Created}, Undo: "delete it"}}
	if live := w.live.secret; live != nil {
		s.Action, s.Reason, s.UID, s.Undo = Updated, w.live.stale, string(live.UID), "restore the old content"
		if w.live.adopted {
			s.Action = Adopted
		}
		if w.live.stale == "" {
			want, err := w.secret(w.token)
			if err == nil {
				_, s.Reason, _ = merge(live, want)
				s.Diff = diff(live, want)
			}
			if err == nil && s.Reason == "" {
				s.Action, s.Undo = Unchanged, ""
				return []step{s}
			}
		}
	}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		want, err := w.secret(w.token)
		if err != nil {
			return nil, err
		}
		if w.live.secret == nil {
			_, undo, err := w.create(ctx, w.from.Objects, want)
			return undo, err
		}
		w.remember(ctx)
		merged, _, _ := merge(w.live.secret, want)
		return update(ctx, w.from.Objects, merged, w.live.secret)
	}
	return []step{s}
}

// secretName is the remote secret's: the usual one, or that of one which was adopted.
func (w *work) secretName() string {
	if w.live.secret != nil {
		return w.live.secret.Name
	}
	return secrets.SecretName(w.To.ID.String())
}

func (w *work) secretObject() string {
	return "Secret/" + w.From.namespace() + "/" + w.secretName()
}

// remote is To as From's istiod is to see it.
func (w *work) remote(token secrets.Token) secrets.Remote {
	return secrets.Remote{Cluster: w.To.ID.String(), Endpoint: w.endpoint, Token: token}
}

// secret is the remote secret with the token, and beside it the record of the token.
func (w *work) secret(token secrets.Token) (*corev1.Secret, error) {
	ref, err := json.Marshal(token.Ref())
	if err != nil {
		return nil, err
	}
	return secrets.Build(w.remote(token), secrets.Options{
		Namespace:   w.From.namespace(),
		Name:        w.secretName(),
		Labels:      w.labels(),
		Annotations: map[string]string{AnnotationCredential: string(ref)},
	})
}

// unshare deletes the remote secret: istiod drops To's endpoints at once.
func (w *work) unshare() []step {
	s := step{kind: clean, Step: Step{Change: Change{Stage: StageShare, On: w.From.ID, Object: w.secretObject(), Action: Unchanged, Reason: "not there"}}}
	switch {
	case w.from.err != nil:
		s.Action, s.Reason, s.do = Deleted, "", cannot(w.from.err)
	case w.live.secret != nil:
		s.Action, s.Reason, s.UID = Deleted, "", string(w.live.secret.UID)
		s.do = func(ctx context.Context) (func(context.Context) error, error) {
			return nil, remove(ctx, w.from.Objects, w.live.secret)
		}
	}
	return []step{s}
}

// cannot is a step in a cluster that does not answer: what is left there is named, and the other side goes on.
func cannot(err error) func(context.Context) (func(context.Context) error, error) {
	return func(context.Context) (func(context.Context) error, error) { return nil, err }
}
