package apply_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// server is an API server in memory.
type server struct {
	objects map[string]kube.Object
	serial  int
	calls   []string
	// fault, if set, is asked before each call, counted from 1.
	fault func(n int, verb string, o kube.Object) fault
	// later are effects of calls whose client gave up, by the call before which they come.
	later map[int]func()
	// written is told of each effect.
	written func()
}

// fault is how a call goes wrong.
type fault struct {
	err    error
	effect int // none, atOnce, or late: before the call after the next one
}

const (
	none = iota
	atOnce
	late
)

func newServer(objects ...kube.Object) *server {
	s := &server{objects: map[string]kube.Object{}, later: map[int]func(){}}
	for _, o := range objects {
		s.add(o)
	}
	return s
}

func id(o kube.Object) string { return kube.Kind(o) + "/" + o.GetNamespace() + "/" + o.GetName() }

func group(o kube.Object) schema.GroupResource {
	return schema.GroupResource{Resource: kube.Resource(o)}
}

func copied(o kube.Object) kube.Object {
	if o == nil {
		return nil
	}
	return o.DeepCopyObject().(kube.Object)
}

// add stores a copy of o as new and returns another.
func (s *server) add(o kube.Object) kube.Object {
	o = copied(o)
	s.serial++
	o.SetUID(types.UID("uid-" + strconv.Itoa(s.serial)))
	s.put(o)
	return copied(o)
}

func (s *server) put(o kube.Object) {
	s.serial++
	if len(o.GetAnnotations()) == 0 { // JSON leaves it out
		o.SetAnnotations(nil)
	}
	if len(o.GetLabels()) == 0 {
		o.SetLabels(nil)
	}
	o.SetResourceVersion(strconv.Itoa(s.serial))
	s.objects[id(o)] = o
}

func (s *server) call(ctx context.Context, verb string, o kube.Object, do func() error) error {
	s.calls = append(s.calls, verb+" "+id(o))
	n := len(s.calls)
	if late := s.later[n]; late != nil {
		late()
	}
	f := fault{}
	if s.fault != nil {
		f = s.fault(n, verb, o)
	}
	if err := ctx.Err(); err != nil && f.effect == none {
		return err
	}
	run := func() error {
		err := do()
		if err == nil && verb != "get" && verb != "list" && s.written != nil {
			s.written()
		}
		return err
	}
	switch {
	case f.err == nil:
		return run()
	case f.effect == atOnce:
		_ = run()
	case f.effect == late:
		s.later[n+2] = func() { _ = run() }
	}
	return f.err
}

func (s *server) Get(ctx context.Context, like kube.Object) (out kube.Object, err error) {
	err = s.call(ctx, "get", like, func() error {
		if out = copied(s.objects[id(like)]); out == nil {
			return apierrors.NewNotFound(group(like), like.GetName())
		}
		return nil
	})
	return out, err
}

func (s *server) List(ctx context.Context, like kube.Object, selector string) (out []kube.Object, err error) {
	err = s.call(ctx, "list", like, func() error {
		parsed := labels.Everything()
		if selector != "" {
			parsed, _ = labels.Parse(selector)
		}
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if o := s.objects[key]; kube.Kind(o) == kube.Kind(like) && parsed.Matches(labels.Set(o.GetLabels())) {
				out = append(out, copied(o))
			}
		}
		return nil
	})
	return out, err
}

func (s *server) Create(ctx context.Context, o kube.Object) (out kube.Object, err error) {
	o = copied(o)
	err = s.call(ctx, "create", o, func() error {
		switch {
		case o.GetResourceVersion() != "":
			return apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
		case s.objects[id(o)] != nil:
			return apierrors.NewAlreadyExists(group(o), o.GetName())
		}
		out = s.add(o)
		return nil
	})
	return out, err
}

func (s *server) Update(ctx context.Context, o kube.Object) (out kube.Object, err error) {
	o = copied(o)
	err = s.call(ctx, "update", o, func() error {
		if err := s.fits(o); err != nil {
			return err
		}
		s.put(copied(o))
		out = copied(s.objects[id(o)])
		return nil
	})
	return out, err
}

func (s *server) Delete(ctx context.Context, o kube.Object) error {
	o = copied(o)
	return s.call(ctx, "delete", o, func() error {
		if err := s.fits(o); err != nil {
			return err
		}
		if o.GetUID() == "" {
			return apierrors.NewBadRequest("no UID: the API server would take this, but it may be anybody's object")
		}
		delete(s.objects, id(o))
		return nil
	})
}

func (s *server) fits(o kube.Object) error {
	live := s.objects[id(o)]
	switch {
	case live == nil:
		return apierrors.NewNotFound(group(o), o.GetName())
	case o.GetUID() != "" && o.GetUID() != live.GetUID():
		return apierrors.NewConflict(group(o), o.GetName(), fmt.Errorf("the UID in the precondition (%s) does not match", o.GetUID()))
	case o.GetResourceVersion() != "" && o.GetResourceVersion() != live.GetResourceVersion():
		return apierrors.NewConflict(group(o), o.GetName(), errors.New("the object has been modified"))
	}
	return nil
}

// content is what is stored, without what each write changes: UID and resourceVersion.
func (s *server) content() map[string]kube.Object {
	out := map[string]kube.Object{}
	for key, o := range s.objects {
		o = copied(o)
		o.SetUID("")
		o.SetResourceVersion("")
		out[key] = o
	}
	return out
}
