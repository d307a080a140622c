package peering

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/secrets"
)

// busy says whether another run is working on it on the link: it created something a short time ago that is not in use
// yet. Its age is told by the API server's clock and, should that be off, by how long this call has been watching.
func (t *task) busy(watched time.Duration) string {
	if t.goal != Present && t.goal != Rotated || watched > t.lockTimeout() {
		return ""
	}
	for _, token := range t.seen.tokens {
		if generation(token) > t.seen.ref.Generation && t.fresh(token) {
			return apply.Name(token)
		}
	}
	if t.seen.account != nil && t.seen.secret == nil && t.Account == nil && t.fresh(t.seen.account) {
		return apply.Name(t.seen.account)
	}
	return ""
}

func (t *task) fresh(o Object) bool {
	run := o.GetAnnotations()[AnnotationRun]
	return run != "" && run != t.nonce && time.Since(o.GetCreationTimestamp().Time) < t.lockTimeout()
}

// takeOver decides to mark the account, the lock of a link, as this call's when an earlier run did not finish. If that run is
// still alive, it will not undo what this call builds on.
func (t *task) takeOver() {
	t.seen.abandoned = t.Account == nil && t.seen.account != nil && t.seen.secret == nil
}

// lostLock says whether another run has taken the link over from this one: then nothing may be undone.
func (t *task) lostLock(ctx context.Context) error {
	if t.Account != nil || t.seen.account != nil && !t.seen.abandoned {
		return nil // the account was there before: it is not what this call locked
	}
	account, err := find(ctx, t.to.objects, t.want.objects.account)
	if err != nil || account == nil {
		return nil // each undo will tell for itself
	}
	if run := account.GetAnnotations()[AnnotationRun]; run != t.nonce {
		return fmt.Errorf("another run (%s) has taken this link over", run)
	}
	return nil
}

// contended says whether another run caused a failure.
func contended(err error) bool {
	var exists *secrets.ExistsError
	return errors.As(err, &exists) || apierrors.IsAlreadyExists(err) || apierrors.IsConflict(err)
}
