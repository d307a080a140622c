package preflight

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// cluster is an API server as a [Checker] knows it.
type cluster struct {
	Side
	name  string // in subjects
	now   func() time.Time
	slots chan struct{}
	facts memo

	endpoints []secrets.Endpoint // those that were looked at; under the lock of facts
}

// server is a cluster in its part in one link.
type server struct {
	*cluster
	role string // From, To or Config: the field of Input
}

// sameCluster is what tells clusters apart.
type sameCluster struct {
	name, namespace, selector string
	reader                    Reader
}

// cluster finds the one that the side is, or gets to know it.
func (c *Checker) cluster(role string, side Side, in Input) *cluster {
	name := cmp.Or(side.ID, role)
	open := func() *cluster {
		return &cluster{
			Side: side, name: name, now: in.Now,
			slots: make(chan struct{}, cmp.Or(in.Parallel, 16)), facts: memo{answers: map[key]*answer{}},
		}
	}
	if side.Reader == nil && role != "Config" || side.Reader != nil && !reflect.ValueOf(side.Reader).Comparable() {
		return open()
	}
	k := sameCluster{name, side.Namespace, side.IstiodSelector, side.Reader}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clusters[k] == nil {
		c.clusters[k] = open()
	}
	return c.clusters[k]
}

// lacks says which field of Input would have to be set.
func (s *server) lacks(ctx context.Context, seam string) error {
	err := &notGivenError{"Input." + s.role + "." + seam}
	if s.role == "Config" {
		err = &notGivenError{"Input.Config"}
	}
	miss(ctx, s.name, err)
	return err
}

// request is a fact that takes a request.
func request[T any](ctx context.Context, s *server, k key, ask func(context.Context) (T, error)) (T, error) {
	return once(ctx, s.cluster, k, func(ctx context.Context) (none T, err error) {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return none, ctx.Err()
		}
		defer func() { <-s.slots }()
		return ask(ctx)
	})
}

// fact is what is made of the answers to requests, once for all links. What finding it missed, everybody has missed who uses
// it.
func fact[T any](ctx context.Context, s *server, k key, find func(context.Context) (T, error)) (T, error) {
	return once(ctx, s.cluster, k, find)
}

// get reads one object.
func get[T Object](ctx context.Context, s *server, k kind[T], namespace, name string) (found T, err error) {
	if s.Reader == nil {
		return found, s.lacks(ctx, "Reader")
	}
	return request(ctx, s, key{"get", k.apiVersion, k.name, namespace, name, ""}, func(ctx context.Context) (found T, err error) {
		o, err := s.Reader.Get(ctx, k.of(namespace, name))
		if err != nil {
			return found, err
		}
		return as[T](o)
	})
}

// list reads the objects that a selector matches, of all namespaces if none is given. If the kind is not served, a check has
// missed it.
func list[T Object](ctx context.Context, s *server, k kind[T], namespace, selector string) ([]T, error) {
	found, err := listServed(ctx, s, k, namespace, selector)
	if err != nil && absent(err) {
		miss(ctx, s.name, err)
	}
	return found, err
}

// listServed is list for a kind that has no objects where it is not served.
func listServed[T Object](ctx context.Context, s *server, k kind[T], namespace, selector string) ([]T, error) {
	if s.Reader == nil {
		return nil, s.lacks(ctx, "Reader")
	}
	return request(ctx, s, key{"list", k.apiVersion, k.name, namespace, "", selector}, func(ctx context.Context) ([]T, error) {
		objects, err := s.Reader.List(ctx, k.of(namespace, ""), selector)
		if err != nil {
			return nil, err
		}
		found := make([]T, len(objects))
		for i, o := range objects {
			if found[i], err = as[T](o); err != nil {
				return nil, err
			}
		}
		return found, nil
	})
}

func as[T Object](o Object) (T, error) {
	typed, ok := o.(T)
	if !ok {
		return typed, fmt.Errorf("preflight: the reader answered with %T instead of %T", o, typed)
	}
	return typed, nil
}

// reply is an Answer with the local time at which it came.
type reply struct {
	Answer
	at time.Time
}

func (s *server) ask(ctx context.Context, path string) (reply, error) {
	if s.Ask == nil {
		return reply{}, s.lacks(ctx, "Ask")
	}
	return request(ctx, s, key{what: "ask", name: path}, func(ctx context.Context) (reply, error) {
		answer, err := s.Ask(ctx, path)
		return reply{answer, s.now()}, err
	})
}

// may makes one access review.
func (s *server) may(ctx context.Context, a rbac.Access) (bool, error) {
	if s.May == nil {
		return false, s.lacks(ctx, "May")
	}
	return request(ctx, s, key{what: "may", name: fmt.Sprintf("%+v", a)}, func(ctx context.Context) (bool, error) { return s.May(ctx, a) })
}

// held are the rules that the caller has in a namespace.
type held struct {
	rules      []rbacv1.PolicyRule
	incomplete bool // there may be more rights
}

// held makes a rules review.
func (s *server) held(ctx context.Context, namespace string) (held, error) {
	return request(ctx, s, key{what: "rules", namespace: namespace}, func(ctx context.Context) (h held, err error) {
		h.rules, h.incomplete, err = s.Rules(ctx, namespace)
		return h, err
	})
}

// object names an object of this server as findings do.
func (s *server) object(o Object) string {
	return s.thing(o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName())
}

func (s *server) thing(kind, namespace, name string) string {
	if namespace == "" {
		return s.name + " " + kind + "/" + name
	}
	return strings.Join([]string{s.name + " " + kind, namespace, name}, "/")
}
