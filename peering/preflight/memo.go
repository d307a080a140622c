package preflight

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/meshpeer/meshpeer/probe"
)

// memo holds the facts of one cluster. Checks and links share them: each is found once.
type memo struct {
	mu      sync.Mutex
	answers map[key]*answer
}

// key is what a fact is called: a request, or what was made of the answers to some.
type key struct {
	what                      string // such as "list"
	apiVersion, kind          string
	namespace, name, selector string
}

// answer is a fact, or why it is not known. Waiting is on a channel, not a sync.Once: it ends with the context, and a
// synctest bubble can tell that it is idle.
type answer struct {
	done     chan struct{}
	dropped  bool // nobody may use it: the context of the one who asked had ended
	value    any
	err      error
	missed   []verdict // what finding it asked for and did not get
	panicked any
}

// once returns the fact that k names, found by the first who asks. Who waits for it has missed what the first one missed.
func once[T any](ctx context.Context, c *cluster, k key, find func(context.Context) (T, error)) (typed T, err error) {
	for {
		a, first := c.facts.claim(k)
		if first {
			a.find(ctx, func(ctx context.Context) (any, error) { return find(ctx) })
			if a.settle(ctx); a.dropped {
				c.facts.forget(k)
			}
			close(a.done)
		}
		if err := a.wait(ctx); err != nil {
			miss(ctx, c.name, err)
			return typed, err
		}
		if a.dropped && !first {
			continue
		}
		if a.panicked != nil {
			panic(a.panicked) // everyone who needs the fact must know
		}
		for _, v := range a.missed {
			note(ctx, v)
		}
		if a.err != nil && !absent(a.err) {
			miss(ctx, c.name, a.err)
		}
		typed, _ = a.value.(T)
		return typed, a.err
	}
}

func (m *memo) claim(k key) (a *answer, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.answers[k]; a != nil {
		return a, false
	}
	a = &answer{done: make(chan struct{})}
	m.answers[k] = a
	return a, true
}

func (m *memo) forget(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, k)
}

func (a *answer) find(ctx context.Context, find func(context.Context) (any, error)) {
	defer func() { a.panicked = recover() }()
	ctx, missed := watch(ctx)
	defer func() { a.missed = missed.what }()
	a.value, a.err = find(ctx)
}

// settle drops an answer that lacks something only because the context of the one who asked has ended.
func (a *answer) settle(ctx context.Context) {
	a.dropped = ctx.Err() != nil && (a.err != nil || len(a.missed) > 0)
}

// wait prefers an answer that is there to a context that has ended.
func (a *answer) wait(ctx context.Context) error {
	select {
	case <-a.done:
		return nil
	default:
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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

// miss notes that something could not be read.
func miss(ctx context.Context, subject string, err error) { note(ctx, unread(subject, err)) }

func note(ctx context.Context, v verdict) {
	if m, ok := ctx.Value(missedKey{}).(*missed); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !slices.Contains(m.what, v) {
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
