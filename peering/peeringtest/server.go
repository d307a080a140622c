package peeringtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Server is an API server in memory with its token controller. It is a peering.Objects with the rights of an administrator
// and safe for concurrent use.
type Server struct {
	// Before, if set, is asked before each call; an error is the answer and nothing is done. After is asked once the call
	// has taken effect: its error is a reply that was lost on the way.
	Before, After func(Call) error
	// NoTokenController leaves token Secrets unfilled, as a cluster without kube-controller-manager does.
	NoTokenController bool

	endpoint  secrets.Endpoint
	urls      []string // more URLs at which it answers
	id, pods  string   // of the member; the network prefix of its pods
	addresses int      // of pods, given so far
	answers   map[string]int

	mu      sync.Mutex
	objects map[string]peering.Object
	version int
	calls   []Call
}

// Call is one request to a Server.
type Call struct{ Verb, Kind, Namespace, Name string }

// Write says whether the call changes a stored object; reviews and token requests do not.
func (c Call) Write() bool {
	return (c.Verb == "create" || c.Verb == "update" || c.Verb == "delete") && !isReview(c.Kind) && c.Kind != "TokenRequest"
}

func newServer(endpoint secrets.Endpoint) *Server {
	s := &Server{endpoint: endpoint, objects: map[string]peering.Object{}, answers: map[string]int{}}
	for _, name := range []string{metav1.NamespaceSystem, "istio-system"} {
		s.store(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: newUID()}})
	}
	return s
}

// Calls are all requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Get is peering.Objects.
func (s *Server) Get(ctx context.Context, like peering.Object) (out peering.Object, err error) {
	err = s.call(ctx, "get", like, func() error {
		found := s.objects[key(like)]
		if found == nil {
			return apierrors.NewNotFound(resource(like), like.GetName())
		}
		out, err = as(found, like)
		return err
	})
	return out, err
}

// List is peering.Objects.
func (s *Server) List(ctx context.Context, like peering.Object, selector string) (out []peering.Object, err error) {
	err = s.call(ctx, "list", like, func() error {
		out, err = s.matching(like, selector)
		return err
	})
	return out, err
}

// matching are copies of the objects of a kind and, if like has one, a namespace, which a label selector matches.
func (s *Server) matching(like peering.Object, selector string) (out []peering.Object, err error) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	for _, o := range s.sorted() {
		inside := like.GetNamespace() == "" || o.GetNamespace() == like.GetNamespace()
		if kube.Kind(o) == kube.Kind(like) && inside && parsed.Matches(labels.Set(o.GetLabels())) {
			o, err := as(o, like)
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
	}
	return out, nil
}

// Create is peering.Objects.
func (s *Server) Create(ctx context.Context, o peering.Object) (out peering.Object, err error) {
	err = s.call(ctx, "create", o, func() error {
		if isReview(kube.Kind(o)) {
			out = s.review(identity{admin: true}, o)
			return nil
		}
		if o.GetName() == "" {
			o = clone(o)
			o.SetName(o.GetGenerateName() + rand.Text()[:5])
		}
		if s.objects[key(o)] != nil {
			return apierrors.NewAlreadyExists(resource(o), o.GetName())
		}
		o = clone(o)
		o.SetUID(newUID())
		o.SetCreationTimestamp(metav1.NewTime(time.Now()))
		s.store(o)
		out = clone(o)
		s.control(o)
		return nil
	})
	return out, err
}

// Update is peering.Objects.
func (s *Server) Update(ctx context.Context, o peering.Object) (out peering.Object, err error) {
	err = s.call(ctx, "update", o, func() error {
		if err := s.matches(o); err != nil {
			return err
		}
		stored, err := as(o, s.objects[key(o)])
		if err != nil {
			return err
		}
		s.store(stored)
		s.replicate(stored)
		out, err = as(stored, o)
		return err
	})
	return out, err
}

// Delete is peering.Objects.
func (s *Server) Delete(ctx context.Context, o peering.Object) error {
	return s.call(ctx, "delete", o, func() error {
		if err := s.matches(o); err != nil {
			return err
		}
		delete(s.objects, key(o))
		return nil
	})
}

// call records a request, lets it fail as the test wants, and does it.
func (s *Server) call(ctx context.Context, verb string, o peering.Object, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := Call{verb, kube.Kind(o), o.GetNamespace(), o.GetName()}
	if s.Before != nil {
		if err := s.Before(c); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	err := do()
	s.mu.Unlock()
	if err == nil && s.After != nil {
		err = s.After(c)
	}
	return err
}

// matches checks the preconditions that o carries against the live object.
func (s *Server) matches(o peering.Object) error {
	live := s.objects[key(o)]
	switch {
	case live == nil:
		return apierrors.NewNotFound(resource(o), o.GetName())
	case o.GetUID() != "" && o.GetUID() != live.GetUID():
		return apierrors.NewConflict(resource(o), o.GetName(), fmt.Errorf("UID is %s, not %s", live.GetUID(), o.GetUID()))
	case o.GetResourceVersion() != "" && o.GetResourceVersion() != live.GetResourceVersion():
		return apierrors.NewConflict(resource(o), o.GetName(), fmt.Errorf("the object has been modified"))
	}
	return nil
}

func (s *Server) store(o peering.Object) {
	s.version++
	o.SetResourceVersion(strconv.Itoa(s.version))
	s.objects[key(o)] = o
}

func key(o peering.Object) string {
	return kube.Kind(o) + "/" + o.GetNamespace() + "/" + o.GetName()
}

// as is a copy of o in the Go type of like: callers may ask for any kind as an unstructured.Unstructured.
func as(o, like peering.Object) (peering.Object, error) {
	if reflect.TypeOf(o) == reflect.TypeOf(like) {
		return clone(o), nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	if _, loose := like.(*unstructured.Unstructured); loose {
		return &unstructured.Unstructured{Object: content}, nil
	}
	out := reflect.New(reflect.TypeOf(like).Elem()).Interface().(peering.Object)
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(content, out)
}

func clone(o peering.Object) peering.Object { return o.DeepCopyObject().(peering.Object) }

func resource(o peering.Object) schema.GroupResource {
	return schema.GroupResource{Resource: kube.Resource(o)}
}

func newUID() types.UID { return types.UID(rand.Text()) }
