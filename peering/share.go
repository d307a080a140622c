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
	s := step{Change: Change{
		Stage: StageShare, On: w.From.ID, Action: Created,
		Object: "Secret/" + w.From.namespace() + "/" + secrets.SecretName(w.To.ID.String()),
	}}
	switch {
	case w.live.secret == nil:
	case w.live.stale != "":
		s.Action, s.Reason = Updated, w.live.stale
	default:
		want, err := w.secret(w.token)
		if err == nil {
			if _, s.Reason, _ = merge(w.live.secret, want); s.Reason == "" {
				s.Action = Unchanged
				return []step{s}
			}
		}
		s.Action = Updated
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
		merged, _, _ := merge(w.live.secret, want)
		return update(ctx, w.from.Objects, merged, w.live.secret)
	}
	return []step{s}
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
		Labels:      w.labels(),
		Annotations: map[string]string{AnnotationCredential: string(ref)},
	})
}

// unshare deletes the remote secret: istiod drops To's endpoints at once.
func (w *work) unshare() []step {
	s := step{kind: clean, Change: Change{
		Stage: StageShare, On: w.From.ID, Action: Unchanged, Reason: "not there",
		Object: "Secret/" + w.From.namespace() + "/" + secrets.SecretName(w.To.ID.String()),
	}}
	if w.live.secret != nil {
		s.Action, s.Reason = Deleted, ""
		s.do = func(ctx context.Context) (func(context.Context) error, error) {
			return nil, remove(ctx, w.from.Objects, w.live.secret)
		}
	}
	return []step{s}
}
