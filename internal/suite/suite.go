// Package suite runs the conformance suites of the SDK: lists of rules, each of which looks at one promise of a seam.
package suite

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Rule is one promise. Check makes what it needs, leaves nothing behind, and answers how the promise is broken.
type Rule struct {
	Name  string
	Check func(context.Context) error
}

// Run checks each rule in a subtest of its name. It fails where -run leaves none: then nothing was checked.
func Run(t *testing.T, rules []Rule) {
	t.Helper()
	ran := 0
	for _, rule := range rules {
		t.Run(rule.Name, func(t *testing.T) {
			ran++
			if err := check(t.Context(), rule); err != nil {
				t.Error(err)
			}
		})
	}
	if ran == 0 {
		t.Error("no rule of the suite ran: nothing was checked")
	}
}

// Broken are the rules that do not hold.
func Broken(ctx context.Context, rules []Rule) (all []Rule, errs []error) {
	for _, rule := range rules {
		if err := check(ctx, rule); err != nil {
			all, errs = append(all, rule), append(errs, fmt.Errorf("%s: %w", rule.Name, err))
		}
	}
	return all, errs
}

const panics = "it panics: "

// check turns a panic of what is checked into an answer, so that the other rules are checked too.
func check(ctx context.Context, rule Rule) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf(panics+"%v", p)
		}
	}()
	return rule.Check(ctx)
}

// Await repeats a check until it passes, for at most limit, and returns what it said last. What API servers answer lags behind
// what they store.
func Await(ctx context.Context, limit time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Ended is a context that is over.
func Ended(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// Promptly fails if do, which was given an ended context, does not come back soon.
func Promptly(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(prompt):
		return errors.New("the context has ended, and the call does not come back")
	}
}

// Ends is Promptly for a call that has to answer with an error.
func Ends(do func() error) error {
	return Promptly(func() error {
		if do() == nil {
			return errors.New("the context has ended, and the call succeeds")
		}
		return nil
	})
}

const prompt = 10 * time.Second

// Answer fails unless err is of a kind, such as apierrors.IsNotFound; what names it.
func Answer(what string, is func(error) bool, err error) error {
	switch {
	case is(err):
		return nil
	case err == nil:
		return fmt.Errorf("it succeeds, in place of %s", what)
	}
	return fmt.Errorf("it answers %q, in place of %s", err, what)
}
