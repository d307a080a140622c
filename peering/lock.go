package peering

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/secrets"
)

// defaultPatience is how long another run is given to finish before its attempt counts as abandoned.
const defaultPatience = 30 * time.Second

// busy says whether another run is working on it on the link: it created something a short time ago that is not in use
// yet. Its age is told by the API server's clock and, should that be off, by how long this call has been watching.
func (w *work) busy(watched time.Duration) string {
	if w.goal != Present && w.goal != Rotated || watched > w.patience() {
		return ""
	}
	for _, t := range w.live.tokens {
		if generation(t) > w.live.ref.Generation && w.fresh(t) {
			return name(t)
		}
	}
	if w.live.account != nil && w.live.secret == nil && w.Account == nil && w.fresh(w.live.account) {
		return name(w.live.account)
	}
	return ""
}

func (w *work) fresh(o Object) bool {
	run := o.GetAnnotations()[AnnotationRun]
	return run != "" && run != w.nonce && time.Since(o.GetCreationTimestamp().Time) < w.patience()
}

func (p *Peering) patience() time.Duration {
	if p.Patience > 0 {
		return p.Patience
	}
	return defaultPatience
}

// takeOver marks the account, the lock of a link, as this call's when an earlier run did not finish. If that run is still
// alive, it will not undo what this call builds on.
func (w *work) takeOver() {
	if w.Account != nil || w.live.account == nil || w.live.secret != nil || w.goal == Absent {
		return
	}
	account := w.want.account.DeepCopyObject().(Object)
	annotations := maps.Clone(account.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationRun] = w.nonce
	account.SetAnnotations(annotations)
	w.want.account, w.live.abandoned = account, true
}

// lostLock says whether another run has taken the link over from this one: then nothing may be undone.
func (w *work) lostLock(ctx context.Context) error {
	if w.want.account == nil || w.live.account != nil && !w.live.abandoned {
		return nil // the account was there before: it is not what this call locked
	}
	account, err := find(ctx, w.to.Objects, w.want.account)
	if err != nil || account == nil {
		return nil // each undo will tell for itself
	}
	if run := account.GetAnnotations()[AnnotationRun]; run != w.nonce {
		return fmt.Errorf("another run (%s) has taken this link over", run)
	}
	return nil
}

// contended says whether another run caused a failure.
func contended(err error) bool {
	var exists *secrets.ExistsError
	return errors.As(err, &exists) || apierrors.IsAlreadyExists(err) || apierrors.IsConflict(err)
}
