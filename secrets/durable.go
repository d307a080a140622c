package secrets

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Durable makes tokens that work until they are revoked: a Secret of type
// kubernetes.io/service-account-token, which the token controller fills. It is
// for meshes that must not go dark when nobody comes back to renew. It is a
// TokenSource, Revoker and Resumer, safe for concurrent use.
type Durable struct {
	// Secrets is client-go's SecretInterface of Request.Namespace, in the cluster
	// that will be read. Required.
	Secrets SecretClient
	// Timeout is how long to wait for the token controller. Default 30s.
	Timeout time.Duration
	// Poll is the first pause between two looks at the Secret; each one doubles it,
	// up to 2s. Default 200ms.
	Poll time.Duration
}

// Token creates the token Secret and waits until it is filled. The creation is
// the lock: *ExistsError if the Secret is there already. On any later failure
// the Secret is deleted again, in up to 10 seconds of its own even if ctx has
// ended; *LeftoverError if that fails too. All else is a *NoTokenError.
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
// an earlier run has created. A filled one is taken as it is, without a call.
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
			req.Namespace, req.Name, account, req.ServiceAccount, ErrNotResumable)
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
