package apply

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// Writer writes objects for one run. Its methods tell the outcome of a write ([OutcomeOf]) and return the [Undo] of it. That
// is nil if there can be nothing to undo; an error does not mean that: take it with an error too.
type Writer struct {
	// Objects is what to write to. It is made steady with the zero Policy if it is not.
	Objects Objects
	// Nonce of the run goes into the [RunAnnotation] of all that it writes. It is new for each run and not empty.
	Nonce string
}

func (w Writer) objects() Objects {
	if s, ok := w.Objects.(*steady); ok {
		return s
	}
	return Steady(w.Objects, Policy{})
}

// Create makes want or fails; it is the lock of a name. The error for an object that is there is
// k8s.io/apimachinery's AlreadyExists. made is nil with an error.
func (w Writer) Create(ctx context.Context, want kube.Object) (made kube.Object, undo Undo, err error) {
	sent := own(want)
	sent.SetUID("")
	sent.SetResourceVersion("")
	stamp(sent, w.Nonce)
	made, err = w.objects().Create(ctx, sent)
	switch {
	case err == nil:
		return made, w.uncreate(sent, made.GetUID()), nil
	case certain(err):
		return nil, nil, err
	}
	return nil, w.uncreate(sent, ""), err
}

// Update merges want over live ([Merge]) and writes that under live's UID and resourceVersion, also if nothing but the nonce
// changes. If somebody else wrote the object meanwhile, and what is decided of it is still as it was in live, the update goes
// on from there, once; else the error is the API server's conflict.
func (w Writer) Update(ctx context.Context, live, want kube.Object) (kube.Object, Undo, error) {
	sent, err := w.over(live, want)
	if err != nil {
		return nil, nil, err
	}
	out, err := w.objects().Update(ctx, sent)
	if apierrors.IsConflict(err) && OutcomeOf(err) == NotDone {
		fresh, seen := find(ctx, w.objects(), live)
		switch {
		case seen != nil || fresh == nil || fresh.GetUID() != live.GetUID():
		case run(fresh) == w.Nonce && covers(fresh, sent):
			return fresh, w.restore(live, want), nil // client-go itself tried twice, and lost the first reply
		case unchanged(live, fresh, want):
			live = fresh
			if sent, err = w.over(live, want); err != nil {
				return nil, nil, err
			}
			out, err = w.objects().Update(ctx, sent)
		}
	}
	switch {
	case err == nil:
		return out, w.restore(live, want), nil
	case certain(err):
		return nil, nil, err
	}
	return nil, w.restore(live, want), err
}

// over is live with want merged over it, stamped.
func (w Writer) over(live, want kube.Object) (kube.Object, error) {
	merged, reason, immutable := Merge(live, want)
	if immutable {
		return nil, fmt.Errorf("%s cannot be updated: %s", Name(live), reason)
	}
	merged = own(merged)
	stamp(merged, w.Nonce)
	return merged, nil
}

// unchanged says whether an update that was decided upon live may go on from fresh: what it would replace is as it was, and
// no other run has written it.
func unchanged(live, fresh, want kube.Object) bool {
	same := func(a, b map[string]string, keys map[string]string) bool {
		for key := range keys {
			x, had := a[key]
			y, has := b[key]
			if x != y || had != has {
				return false
			}
		}
		return true
	}
	return sameContent(live, fresh) && fresh.GetDeletionTimestamp() == nil && run(live) == run(fresh) &&
		same(live.GetLabels(), fresh.GetLabels(), want.GetLabels()) &&
		same(live.GetAnnotations(), fresh.GetAnnotations(), want.GetAnnotations())
}

// Recreate deletes live and creates want, for what cannot be updated. Between the two calls there is neither. The undo puts
// live back, under another UID, also if only the deletion took place.
func (w Writer) Recreate(ctx context.Context, live, want kube.Object) (made kube.Object, undo Undo, err error) {
	if err := w.Delete(ctx, live); err != nil {
		if certain(err) {
			return nil, nil, err
		}
		return nil, w.putBack(live), err
	}
	made, undo, err = w.Create(ctx, want)
	return made, both(undo, w.putBack(live)), err
}

// Delete removes the object that has live's UID, whatever became of its content. That it is gone is no error; that another one
// has its name is the API server's conflict, and the other one stays.
func (w Writer) Delete(ctx context.Context, live kube.Object) error {
	o := own(live)
	o.SetResourceVersion("")
	return w.objects().Delete(ctx, o)
}

// certain says whether an error of a steady write proves that nothing was written and that nothing is still under way.
func certain(err error) bool {
	var lost *lostError
	return OutcomeOf(err) == NotDone && !errors.As(err, &lost)
}

// with is a copy of o under another UID and resourceVersion.
func with(o kube.Object, uid types.UID, version string) kube.Object {
	o = clone(o)
	o.SetUID(uid)
	o.SetResourceVersion(version)
	return o
}
