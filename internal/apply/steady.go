package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// lookTimeout bounds the look after a write, whatever became of the caller's context.
const lookTimeout = 10 * time.Second

// Steady returns Objects that ride out transient failures, whatever implements objects. Reads are tried again. A write that
// the server refused, or that never left, is answered so; after another failure one look tells whether it took place: it is
// done, or not done and tried again, or its error is an [UnknownError].
//
// A creation is told by the [RunAnnotation] that the caller stamped on it, an update by that and the content, a deletion by
// absence. Reviews and token requests store nothing and are tried again as reads are; events are sent once.
func Steady(objects Objects, policy Policy) Objects {
	if s, ok := objects.(*steady); ok {
		objects = s.raw
	}
	return &steady{objects, policy}
}

type steady struct {
	raw    Objects
	policy Policy
}

func (s *steady) Get(ctx context.Context, like kube.Object) (out kube.Object, err error) {
	err = Again(ctx, s.policy, key("get", like), func() error {
		out, err = s.raw.Get(ctx, like)
		return err
	})
	return out, err
}

func (s *steady) List(ctx context.Context, like kube.Object, selector string) (out []kube.Object, err error) {
	err = Again(ctx, s.policy, key("list", like)+selector, func() error {
		out, err = s.raw.List(ctx, like, selector)
		return err
	})
	return out, err
}

// Watch is not tried again: who watches looks besides.
func (s *steady) Watch(ctx context.Context, like kube.Object, o metav1.ListOptions) (watch.Interface, error) {
	return kube.Watch(ctx, s.raw, like, o)
}

func (s *steady) Create(ctx context.Context, o kube.Object) (kube.Object, error) {
	switch _, event := o.(*corev1.Event); {
	case event:
		return s.raw.Create(ctx, o)
	case transitory(o):
		var out kube.Object
		err := Again(ctx, s.policy, key("create", o), func() (err error) {
			out, err = s.raw.Create(ctx, o)
			return err
		})
		return out, err
	}
	return s.write(ctx, o, change{"create", s.raw.Create, created, apierrors.IsAlreadyExists})
}

func (s *steady) Update(ctx context.Context, o kube.Object) (kube.Object, error) {
	return s.write(ctx, o, change{"update", s.raw.Update, updated, apierrors.IsConflict})
}

func (s *steady) Delete(ctx context.Context, o kube.Object) error {
	remove := func(ctx context.Context, o kube.Object) (kube.Object, error) {
		err := s.raw.Delete(ctx, o)
		if apierrors.IsNotFound(err) {
			err = nil
		}
		return nil, err
	}
	_, err := s.write(ctx, o, change{"delete", remove, deleted, apierrors.IsConflict})
	return err
}

// change is a kind of write.
type change struct {
	op   string
	send func(context.Context, kube.Object) (kube.Object, error)
	told func(sent, stored kube.Object) Outcome // stored is nil if there is none
	late func(error) bool                       // a refusal that also an earlier try of ours can have caused
}

func (s *steady) write(ctx context.Context, o kube.Object, c change) (kube.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	turn, doubt := s.policy.start(key(c.op, o)), false
	for {
		out, err := c.send(ctx, o)
		if err == nil {
			return out, nil
		}
		lost := !unsent(err)
		if doubt = doubt || lost; lost || c.late(err) && (doubt || run(o) != "" && c.op == "create") {
			stored, outcome, seen := s.look(ctx, o, c.told)
			switch {
			case outcome == Done:
				return stored, nil
			case outcome == Unknown && doubt:
				return nil, &UnknownError{c.op, Name(o), because(err, seen)}
			}
		}
		if turn.next(ctx, err) || s.raced(ctx, o, err) && turn.again(ctx, 0) {
			continue
		}
		if doubt {
			err = &lostError{err}
		}
		return nil, err
	}
}

// raced says whether a conflict is not about what the caller knew of o: it named no version that could be an old one, and the
// object still has its UID. The API server, or something in front of it, lost a race of its own.
func (s *steady) raced(ctx context.Context, o kube.Object, err error) bool {
	if !apierrors.IsConflict(err) || o.GetResourceVersion() != "" {
		return false
	}
	if o.GetUID() == "" {
		return true
	}
	stored, err := find(ctx, s, o)
	return err == nil && stored != nil && stored.GetUID() == o.GetUID()
}

// lostError marks that a look found nothing of a write which was sent. The request may still be under way: an undo looks
// once more.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// look reads what became of o.
func (s *steady) look(ctx context.Context, o kube.Object, told func(sent, stored kube.Object) Outcome) (kube.Object, Outcome, error) {
	if o.GetName() == "" {
		return nil, Unknown, errors.New("it has no name to look for")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	stored, err := find(ctx, s, o)
	if err != nil {
		return nil, Unknown, err
	}
	return stored, told(o, stored), nil
}

func because(err, look error) error {
	if look == nil {
		return err
	}
	return fmt.Errorf("%w; looking for it failed too: %w", err, look)
}

// created: without a nonce, an object that is there may be anybody's.
func created(sent, stored kube.Object) Outcome {
	switch {
	case stored == nil:
		return NotDone
	case run(sent) == "":
		return Unknown
	case run(stored) != run(sent):
		return NotDone
	case stored.GetDeletionTimestamp() != nil:
		return Unknown
	}
	return Done
}

func updated(sent, stored kube.Object) Outcome {
	switch {
	case stored == nil, sent.GetUID() != "" && stored.GetUID() != sent.GetUID():
		return Unknown
	case sent.GetResourceVersion() != "" && stored.GetResourceVersion() == sent.GetResourceVersion():
		return NotDone
	case run(stored) == run(sent) && covers(stored, sent):
		return Done
	}
	return Unknown
}

func deleted(sent, stored kube.Object) Outcome {
	if stored == nil || sent.GetUID() != "" && stored.GetUID() != sent.GetUID() || stored.GetDeletionTimestamp() != nil {
		return Done
	}
	return NotDone
}

// covers says whether stored is as want asks.
func covers(stored, want kube.Object) bool {
	reason, _ := difference(stored, want)
	return reason == ""
}

// find reads o as it is stored; nil if there is none.
func find(ctx context.Context, objects Objects, o kube.Object) (kube.Object, error) {
	stored, err := objects.Get(ctx, o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return stored, err
}

// transitory says whether the API server answers o without storing it.
func transitory(o kube.Object) bool {
	group, path := o.GetObjectKind().GroupVersionKind().Group, reflect.TypeOf(o).Elem().PkgPath()
	for _, name := range []string{"authorization", "authentication"} {
		if group == name+".k8s.io" || strings.HasPrefix(path, "k8s.io/api/"+name+"/") {
			return true
		}
	}
	return false
}

func key(verb string, o kube.Object) string {
	return verb + " " + kube.Kind(o) + "/" + o.GetNamespace() + "/" + o.GetName() + " " + run(o)
}
