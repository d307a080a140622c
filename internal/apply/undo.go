package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// Undo takes a write back. It looks first and touches only what the run itself left there. nil means that the state of
// before is back; [ErrNothing] that there was nothing to take back; another error that the write, or a part of it, stays or
// may stay. It is called on a context of its own: the caller's may be over.
type Undo func(context.Context) error

// ErrNothing says that there is nothing to undo, and nothing left either.
var ErrNothing = errors.New("nothing to undo")

// ChangedError says that an undo left an object alone, because it is not as this run wrote it any more.
type ChangedError struct {
	Object string // Kind/namespace/name
	By     string // who seems to have changed it
}

// Error names the object and who seems to have changed it.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s was left as it is: it has changed since this run wrote it (%s)", printable.Line(e.Object), printable.Line(e.By))
}

func changed(o kube.Object, nonce string) error {
	by := "by " + Owner(o)
	if other := run(o); other != "" && other != nonce {
		by = "by another run, " + other
	}
	return &ChangedError{Name(o), by}
}

// undoTries bounds how often an undo looks again because somebody wrote in between.
const undoTries = 3

// retrying looks and acts until no conflict comes in between.
func (w Writer) retrying(ctx context.Context, like kube.Object, act func(stored kube.Object) error) error {
	for try := 1; ; try++ {
		stored, err := find(ctx, w.objects(), like)
		if err != nil {
			return err
		}
		err = act(stored)
		if try == undoTries || OutcomeOf(err) != NotDone || !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
}

// uncreate deletes the object of the UID, or where none was seen one that carries the nonce.
func (w Writer) uncreate(sent kube.Object, uid types.UID) Undo {
	return func(ctx context.Context) error {
		return w.retrying(ctx, sent, func(stored kube.Object) error {
			switch {
			case stored == nil && uid == "", stored != nil && uid == "" && run(stored) != w.Nonce:
				return ErrNothing
			case stored == nil, uid != "" && stored.GetUID() != uid, stored.GetDeletionTimestamp() != nil:
				return nil // gone, or on its way
			case run(stored) != w.Nonce && run(stored) != "":
				return changed(stored, w.Nonce)
			}
			return w.objects().Delete(ctx, with(sent, stored.GetUID(), stored.GetResourceVersion()))
		})
	}
}

// restore puts what want replaced in live back to what it was there.
func (w Writer) restore(live, want kube.Object) Undo {
	want = own(want)
	stamp(want, w.Nonce)
	return func(ctx context.Context) error {
		return w.retrying(ctx, live, func(stored kube.Object) error {
			switch {
			case stored == nil:
				return ErrNothing
			case stored.GetUID() != live.GetUID():
				return changed(stored, w.Nonce)
			case stored.GetResourceVersion() == live.GetResourceVersion(), run(stored) == run(live) && covers(stored, live) && !covers(stored, want):
				return ErrNothing
			case run(stored) != w.Nonce || !covers(stored, want):
				return changed(stored, w.Nonce)
			}
			before := withContent(stored, live)
			before.SetLabels(reset(stored.GetLabels(), live.GetLabels(), want.GetLabels()))
			before.SetAnnotations(reset(stored.GetAnnotations(), live.GetAnnotations(), want.GetAnnotations()))
			_, err := w.objects().Update(ctx, before)
			return err
		})
	}
}

// reset is stored with the keys of want as they were before; what others wrote meanwhile stays.
func reset(stored, before, want map[string]string) map[string]string {
	out := maps.Clone(stored)
	for key := range want {
		if value, had := before[key]; had {
			out[key] = value
		} else {
			delete(out, key)
		}
	}
	return out
}

// putBack creates live again, which was deleted or may have been.
func (w Writer) putBack(live kube.Object) Undo {
	again := with(live, "", "")
	again.SetDeletionTimestamp(nil)
	if run(again) == "" {
		stamp(again, w.Nonce) // else a lost reply could not be told
	}
	return func(ctx context.Context) error {
		return w.retrying(ctx, live, func(stored kube.Object) error {
			switch {
			case stored == nil:
				_, err := w.objects().Create(ctx, again)
				return err
			case stored.GetDeletionTimestamp() != nil:
				return fmt.Errorf("%s cannot be put back: the one that is there is still being deleted", Name(stored))
			case stored.GetUID() == live.GetUID():
				return ErrNothing
			case run(stored) == run(again) && covers(stored, again):
				return nil
			}
			return changed(stored, w.Nonce)
		})
	}
}

// both undoes the second write, then the first.
func both(second, first Undo) Undo {
	return func(ctx context.Context) error {
		if second != nil {
			if err := second(ctx); err != nil && !errors.Is(err, ErrNothing) {
				return err
			}
		}
		return first(ctx)
	}
}
