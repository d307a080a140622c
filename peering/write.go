package peering

import (
	"context"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// create is the lock of a name: it makes the object or fails. A reply that was lost on the way is told from somebody else's
// object by the nonce of the call.
func (w *work) create(ctx context.Context, objects Objects, want Object) (Object, func(context.Context) error, error) {
	o := want.DeepCopyObject().(Object)
	o.SetAnnotations(maps.Clone(o.GetAnnotations()))
	if o.GetAnnotations() == nil {
		o.SetAnnotations(map[string]string{})
	}
	o.GetAnnotations()[AnnotationRun] = w.nonce
	created, err := objects.Create(ctx, o)
	if err != nil {
		if created = w.ours(ctx, objects, o, err); created == nil {
			return nil, nil, err
		}
	}
	return created, func(ctx context.Context) error { return remove(ctx, objects, created) }, nil
}

// ours looks whether a creation that failed took place all the same; nil if not.
func (w *work) ours(ctx context.Context, objects Objects, o Object, cause error) Object {
	if apierrors.IsForbidden(cause) || apierrors.IsInvalid(cause) || apierrors.IsUnauthorized(cause) {
		return nil // refused for certain
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	found, err := find(ctx, objects, o)
	if err != nil || found == nil || found.GetAnnotations()[AnnotationRun] != w.nonce {
		return nil
	}
	return found
}

// update replaces live by merged, under live's UID and resourceVersion; undo puts live's content back.
func update(ctx context.Context, objects Objects, merged, live Object) (func(context.Context) error, error) {
	updated, err := objects.Update(ctx, merged)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		before := live.DeepCopyObject().(Object)
		before.SetResourceVersion(updated.GetResourceVersion())
		_, err := objects.Update(ctx, before)
		return err
	}, nil
}

// recreate is for what cannot be updated. Between the two calls the reader has no rights; its watches survive that.
func (w *work) recreate(ctx context.Context, want, live Object) (func(context.Context) error, error) {
	if err := w.to.Objects.Delete(ctx, live); err != nil {
		return nil, err
	}
	restore := func(ctx context.Context) error {
		before := live.DeepCopyObject().(Object)
		before.SetResourceVersion("")
		before.SetUID("")
		_, err := w.to.Objects.Create(ctx, before)
		return err
	}
	_, undo, err := w.create(ctx, w.to.Objects, want)
	if err != nil {
		return restore, err
	}
	return func(ctx context.Context) error {
		if err := undo(ctx); err != nil {
			return err
		}
		return restore(ctx)
	}, nil
}

// drop deletes an object of the link's own.
func (w *work) drop(want, live Object) []step {
	if want == nil {
		return nil
	}
	s := step{kind: clean, Step: Step{Change: Change{Stage: StageRevoke, On: w.To.ID, Object: name(want), Action: Unchanged, Reason: "not there"}}}
	switch {
	case w.to.err != nil:
		s.Action, s.Reason, s.do = Deleted, "", cannot(w.to.err)
	case live != nil:
		s.Action, s.Reason, s.UID = Deleted, "", string(live.GetUID())
		s.do = func(ctx context.Context) (func(context.Context) error, error) {
			return nil, remove(ctx, w.to.Objects, live)
		}
	}
	return []step{s}
}
