package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// server is one API server during a run. Checks share what is read of it: each request is made once.
type server struct {
	Side
	name  string // in subjects
	role  string // From, To or Config: the field of Input
	now   func() time.Time
	slots chan struct{}

	mu   sync.Mutex
	memo map[string]*answer
}

// answer is what a request gave. Waiting is on a channel, not a sync.Once: it ends with the context, and a synctest bubble
// can tell that it is idle.
type answer struct {
	done     chan struct{}
	value    any
	err      error
	panicked any
}

// once returns the answer to the request that key stands for, made by the first who asks.
func once[T any](ctx context.Context, s *server, key string, ask func() (T, error)) (typed T, err error) {
	s.mu.Lock()
	a, asked := s.memo[key]
	if !asked {
		a = &answer{done: make(chan struct{})}
		s.memo[key] = a
	}
	s.mu.Unlock()
	if !asked {
		a.make(ctx, s.slots, func() (any, error) { return ask() })
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return typed, ctx.Err()
	}
	if a.panicked != nil {
		panic(a.panicked) // everyone who needs the answer must know
	}
	typed, _ = a.value.(T)
	if a.err != nil && !absent(a.err) {
		miss(ctx, s.name, a.err)
	}
	return typed, a.err
}

// missed is what a check asked for and did not get. A check that continues without it cannot pass on its own.
type missed struct {
	mu   sync.Mutex
	what []verdict
}

type missedKey struct{}

// watch returns a context under which failed requests are noted.
func watch(ctx context.Context) (context.Context, *missed) {
	m := &missed{}
	return context.WithValue(ctx, missedKey{}, m), m
}

func miss(ctx context.Context, subject string, err error) {
	if m, ok := ctx.Value(missedKey{}).(*missed); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		if v := unread(subject, err); !slices.Contains(m.what, v) {
			m.what = append(m.what, v)
		}
	}
}

// complete adds what was missed to verdicts that would let the check pass.
func (m *missed) complete(verdicts []verdict) []verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(verdicts, func(v verdict) bool { return v.status == probe.Unknown }) ||
		!slices.ContainsFunc(verdicts, func(v verdict) bool { return v.status == probe.Passed }) {
		return verdicts
	}
	what := slices.Clone(m.what)
	slices.SortFunc(what, func(a, b verdict) int { return strings.Compare(a.subject+a.evidence, b.subject+b.evidence) })
	return append(verdicts, what...)
}

func (a *answer) make(ctx context.Context, slots chan struct{}, ask func() (any, error)) {
	defer close(a.done)
	defer func() { a.panicked = recover() }()
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		a.err = ctx.Err()
		return
	}
	defer func() { <-slots }()
	a.value, a.err = ask()
}

// lacks says which field of Input would have to be set.
func (s *server) lacks(seam string) error {
	if s.role == "Config" {
		return &notGivenError{"Input.Config"}
	}
	return &notGivenError{"Input." + s.role + "." + seam}
}

func key(verb string, o Object, selector string) string {
	return strings.Join([]string{verb, o.GetObjectKind().GroupVersionKind().String(), o.GetNamespace(), o.GetName(), selector}, "|")
}

// get reads one object.
func get[T Object](ctx context.Context, s *server, like T) (T, error) {
	return once(ctx, s, key("get", like, ""), func() (found T, err error) {
		if s.Reader == nil {
			return found, s.lacks("Reader")
		}
		o, err := s.Reader.Get(ctx, like)
		if err != nil {
			return found, err
		}
		return as[T](o)
	})
}

// list reads the objects that a selector matches. If the kind is not served, a check has missed it.
func list[T Object](ctx context.Context, s *server, like T, selector string) ([]T, error) {
	found, err := listServed(ctx, s, like, selector)
	if err != nil && absent(err) {
		miss(ctx, s.name, err)
	}
	return found, err
}

// listServed is list for a kind that has no objects where it is not served.
func listServed[T Object](ctx context.Context, s *server, like T, selector string) ([]T, error) {
	return once(ctx, s, key("list", like, selector), func() ([]T, error) {
		if s.Reader == nil {
			return nil, s.lacks("Reader")
		}
		objects, err := s.Reader.List(ctx, like, selector)
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
	return once(ctx, s, "ask|"+path, func() (reply, error) {
		if s.Ask == nil {
			return reply{}, s.lacks("Ask")
		}
		answer, err := s.Ask(ctx, path)
		return reply{answer, s.now()}, err
	})
}

func (s *server) may(ctx context.Context, a rbac.Access) (bool, error) {
	return once(ctx, s, fmt.Sprintf("may|%+v", a), func() (bool, error) {
		if s.May == nil {
			return false, s.lacks("May")
		}
		return s.May(ctx, a)
	})
}

// object names an object of this server as findings do.
func (s *server) object(o Object) string {
	parts := []string{o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName()}
	if parts[1] == "" {
		parts = []string{parts[0], parts[2]}
	}
	return s.name + " " + strings.Join(parts, "/")
}
