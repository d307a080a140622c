package secrets

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

const undoTimeout = 10 * time.Second

func revoke(ctx context.Context, client SecretClient, ref Ref, kind Kind) error {
	if ref.Kind != kind {
		return fmt.Errorf("secrets: a %q token cannot be revoked as %q: %w; use the source that made it", ref.Kind, kind, ErrNotRevocable)
	}
	if client == nil {
		return invalid.Field("Secrets", "", "is nil", "set it to the SecretInterface of the account's namespace")
	}
	if ref.Name == "" || ref.UID == "" {
		return invalid.Field("Ref", ref.Namespace+"/"+ref.Name, "lacks the name or UID of the token's object", "find the object by its labels")
	}
	return remove(ctx, client, ref)
}

// remove deletes the object of ref and no other.
func remove(ctx context.Context, client SecretClient, ref Ref) error {
	uid := types.UID(ref.UID)
	err := client.Delete(ctx, ref.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	if apierrors.IsConflict(err) {
		got, getErr := client.Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(getErr):
			return nil
		case getErr == nil && got.UID != uid:
			return &ReplacedError{Namespace: ref.Namespace, Name: ref.Name, Want: ref.UID, Got: string(got.UID)}
		}
	}
	return fmt.Errorf("secrets: deleting Secret %s/%s: %w", ref.Namespace, ref.Name, err)
}

// undo deletes what a failed Token call has created, and returns why it failed.
func undo(ctx context.Context, client SecretClient, ref Ref, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := remove(ctx, client, ref)
	var replaced *ReplacedError
	if err == nil || errors.As(err, &replaced) {
		return cause
	}
	return errors.Join(cause, &LeftoverError{Ref: ref, Err: err})
}

// resumable checks that existing can stand for the token of req.
func resumable(req Request, existing *corev1.Secret, kind Kind) error {
	const remedy = "delete it or choose another name"
	switch {
	case existing == nil:
		return fmt.Errorf("secrets: no Secret to resume from: %w; call Token", ErrNotResumable)
	case KindOf(existing) != kind:
		return fmt.Errorf("secrets: Secret %s/%s of type %q is not the object of a %s token: %w; %s", existing.Namespace, existing.Name, existing.Type, kind, ErrNotResumable, remedy)
	case existing.Namespace != req.Namespace, existing.Name != req.Name, existing.UID == "":
		return fmt.Errorf("secrets: Secret %s/%s (UID %q) is not the stored Secret %s/%s: %w; read it from the API server, in the namespace of the account",
			shownName(existing.Namespace), shownName(existing.Name), existing.UID, req.Namespace, req.Name, ErrNotResumable)
	case existing.DeletionTimestamp != nil:
		return fmt.Errorf("secrets: Secret %s/%s is being deleted: %w; wait until it is gone", existing.Namespace, existing.Name, ErrNotResumable)
	}
	return nil
}
