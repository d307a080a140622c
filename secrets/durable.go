package secrets

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// Durable makes tokens that work until they are revoked: a Secret of type
// kubernetes.io/service-account-token, which the token controller fills. It is for
// meshes that must keep working when nobody renews their credentials. Durable is a
// TokenSource, Revoker and Resumer, safe for concurrent use.
type Durable struct {
	// Secrets is client-go's SecretInterface of Request.Namespace, in the cluster
	// that will be read. Required. One that can also Watch, as that one, is told
	// when the token is there; without the right to it needs none.
	Secrets SecretClient
	// Timeout is how long to wait for the token controller. Default 30s.
	Timeout time.Duration
	// Poll is the first pause between two looks at the Secret; each next one is longer by
	// half, up to 2s. Default 200ms. While it is told of changes, it is at least 50ms.
	Poll time.Duration
	// UsedAtOnce says that the caller uses the token as soon as it is there. The Secret is created with the label that API
	// servers give it when its token is used for the first time on a day (Kubernetes KEP-2799), so that this first request
	// waits for no write to etcd.
	UsedAtOnce bool
}

const labelLastUsed = "kubernetes.io/legacy-token-last-used"

// Token creates the token Secret and waits until it is filled. The creation is
// the lock: *ExistsError if the Secret is there already. On any later failure it
// deletes the Secret, in up to 10 seconds of its own even if ctx has ended;
// *LeftoverError if that fails too. Every other error is a *NoTokenError.
func (d Durable) Token(ctx context.Context, req Request) (Token, error) {
	req, err := d.prepare(req)
	if err != nil {
		return Token{}, err
	}
	secret := req.object(corev1.SecretTypeServiceAccountToken)
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[corev1.ServiceAccountNameKey] = req.ServiceAccount
	if req.ServiceAccountUID != "" {
		secret.Annotations[corev1.ServiceAccountUIDKey] = req.ServiceAccountUID
	}
	if d.UsedAtOnce {
		if secret.Labels == nil {
			secret.Labels = map[string]string{}
		}
		secret.Labels[labelLastUsed] = time.Now().UTC().Format(time.DateOnly)
	}
	created, err := d.Secrets.Create(ctx, secret, metav1.CreateOptions{})
	if err != nil {
		return Token{}, req.createFailed(ctx, err)
	}
	token, err := d.wait(ctx, req, created)
	if err != nil {
		return Token{}, undo(ctx, d.Secrets, req.ref(KindDurable, created.UID), err)
	}
	return token, nil
}

// Resume waits for the token of existing, a token Secret of req's account that
// an earlier run created. It takes a filled one as it is, without a call.
func (d Durable) Resume(ctx context.Context, req Request, existing *corev1.Secret) (Token, error) {
	req, err := d.prepare(req)
	if err != nil {
		return Token{}, err
	}
	if err := resumable(req, existing, KindDurable); err != nil {
		return Token{}, err
	}
	if account := existing.Annotations[corev1.ServiceAccountNameKey]; account != req.ServiceAccount {
		return Token{}, fmt.Errorf("secrets: Secret %s/%s is of ServiceAccount %q, not %q: %w; delete it or choose another name",
			req.Namespace, req.Name, shownName(account), req.ServiceAccount, ErrNotResumable)
	}
	return d.wait(ctx, req, existing)
}

// Revoke deletes the token Secret that ref names.
func (d Durable) Revoke(ctx context.Context, ref Ref) error {
	return revoke(ctx, d.Secrets, ref, KindDurable)
}

func (d Durable) prepare(req Request) (Request, error) {
	if d.Secrets == nil {
		return req, invalid.Field("Durable.Secrets", "", "is nil", "set it to the SecretInterface of the account's namespace")
	}
	return req.complete()
}

func (d Durable) pauses() (timeout, poll time.Duration) {
	return cmp.Or(d.Timeout, 30*time.Second), max(cmp.Or(d.Poll, 200*time.Millisecond), time.Millisecond)
}

const (
	maxPause     = 2 * time.Second
	watchedPause = 50 * time.Millisecond // at least, while a watch would tell
)

// wait looks at the Secret seen until the token controller has filled it.
func (d Durable) wait(ctx context.Context, req Request, seen *corev1.Secret) (Token, error) {
	timeout, poll := d.pauses()
	patience, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	uid := seen.UID
	var unread error
	changes, pause := d.changes(patience, seen), poll
	if changes != nil {
		pause = max(poll, watchedPause)
	}
	for {
		if len(seen.Data[corev1.ServiceAccountTokenKey]) > 0 {
			return filled(req, seen)
		}
		got, err := (*corev1.Secret)(nil), error(nil)
		timer := time.NewTimer(pause)
		select {
		case <-patience.Done():
			timer.Stop()
			return Token{}, unfilled(ctx, req, seen, unread)
		case changed, open := <-changes:
			if timer.Stop(); !open {
				changes, pause = nil, poll
				continue
			}
			got = changed
		case <-timer.C:
			pause = min(pause+pause/2, maxPause)
			got, err = d.Secrets.Get(patience, req.Name, metav1.GetOptions{})
		}
		switch {
		case apierrors.IsNotFound(err), err == nil && got.UID == uid && got.DeletionTimestamp != nil:
			return Token{}, req.noToken(ReasonDeleted, "the token controller deletes it if the ServiceAccount does not exist in "+
				req.Namespace+" or has another UID: create the account first", err)
		case isDenied(err):
			return Token{}, req.noToken(ReasonUnreadable, "the caller needs permission to get Secrets in namespace "+req.Namespace, err)
		case err != nil:
			unread = err
		case got.UID != uid:
			return Token{}, req.noToken(ReasonReplaced, "another run works on the same name: try again",
				&ReplacedError{Namespace: req.Namespace, Name: req.Name, Want: string(uid), Got: string(got.UID)})
		default:
			seen, unread = got, nil
		}
	}
}

// changes are what becomes of a Secret, from the API server. They may end early or never come: a proxy may hold them back.
func (d Durable) changes(ctx context.Context, of *corev1.Secret) <-chan *corev1.Secret {
	watcher, can := d.Secrets.(interface {
		Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	})
	if !can || of.ResourceVersion == "" { // without one, a watch begins with what was there before
		return nil
	}
	changes := make(chan *corev1.Secret)
	go func() {
		defer close(changes)
		defer func() { _ = recover() }() // looks go on, whatever the client is
		stream, err := watcher.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + of.Name, ResourceVersion: of.ResourceVersion})
		if err != nil || stream == nil {
			return
		}
		defer stream.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-stream.ResultChan():
				secret, is := event.Object.(*corev1.Secret)
				if !is || secret == nil || secret.Name != of.Name || event.Type != watch.Added && event.Type != watch.Modified {
					return // what that means, a look will tell
				}
				select {
				case <-ctx.Done():
					return
				case changes <- secret:
				}
			}
		}
	}()
	return changes
}

// filled makes the Token of a token Secret that holds one.
func filled(req Request, secret *corev1.Secret) (Token, error) {
	if since, found := secret.Labels["kubernetes.io/legacy-token-invalid-since"]; found {
		return Token{}, req.noToken(ReasonInvalidated, "the API server has refused it since "+printable.Value(since)+", for lack of use: delete the Secret and mint another token", nil)
	}
	account := secret.Annotations[corev1.ServiceAccountUIDKey]
	if req.ServiceAccountUID != "" && account != "" && account != req.ServiceAccountUID {
		return Token{}, req.noToken(ReasonWrongAccount, "its UID is "+account+", not "+req.ServiceAccountUID+": the account was recreated, look it up again", nil)
	}
	value := string(secret.Data[corev1.ServiceAccountTokenKey])
	ref := req.ref(KindDurable, secret.UID)
	ref.ServiceAccountUID = account
	return NewToken(value, expiry(value)).WithRef(ref), nil
}

// unfilled says why the wait for the token has failed.
func unfilled(ctx context.Context, req Request, secret *corev1.Secret, unread error) error {
	switch {
	case ctx.Err() != nil:
		return req.noToken(ReasonInterrupted, "try again", context.Cause(ctx))
	case unread != nil:
		return req.noToken(ReasonUnreadable, "check that the API server answers", unread)
	case len(secret.Data[corev1.ServiceAccountRootCAKey]) > 0:
		return req.noToken(ReasonHalfFilled, "ca.crt is there but the token is not, and the token controller writes both at once: "+
			"find out who else writes this Secret", nil)
	default:
		return req.noToken(ReasonUntouched, "check that kube-controller-manager runs its serviceaccount-token controller, which "+
			"needs --service-account-private-key-file, or use Bound", nil)
	}
}
