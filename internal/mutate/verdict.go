package main

import (
	"errors"
	"fmt"
	"time"
)

type outcome string

const (
	killed     outcome = "killed"
	survived   outcome = "SURVIVED"
	uncompiled outcome = "not compiled"
	broken     outcome = "not tried"
)

// verdict is what became of a mutant.
type verdict struct {
	mutant  mutant
	outcome outcome
	detail  string // the test that killed it, or what is wrong
	took    time.Duration
}

func (v verdict) String() string {
	m := v.mutant
	s := fmt.Sprintf("%-12s  %4.1f s  %s (line %d)", v.outcome, v.took.Seconds(), m.id(), m.line)
	switch {
	case v.outcome == survived && m.equivalent != "":
		return s + "\n        equivalent: " + m.equivalent
	case v.outcome == killed && m.equivalent != "":
		return s + ": " + v.detail + "\n        the list calls it equivalent, and it is not"
	case v.outcome == survived:
		return s + "\n        " + m.diff()
	}
	return s + ": " + v.detail
}

// tally counts verdicts.
type tally struct{ tried, killed, survived, equivalent, uncompiled, broken, stale, wrong int }

func (t *tally) add(v verdict) {
	t.tried++
	switch {
	case v.outcome == killed:
		t.killed++
		if v.mutant.equivalent != "" {
			t.wrong++
		}
	case v.outcome == survived && v.mutant.equivalent != "":
		t.equivalent++
	case v.outcome == survived:
		t.survived++
	case v.outcome == uncompiled:
		t.uncompiled++
	default:
		t.broken++
	}
}

func (t tally) String() string {
	return fmt.Sprintf("%d tried: %d killed, %d survived, %d equivalent, %d not compiled, %d not tried; %d stale",
		t.tried, t.killed, t.survived, t.equivalent, t.uncompiled, t.broken, t.stale)
}

// err is nil if every mutant was killed or is known to be equivalent.
func (t tally) err() error {
	var errs []error
	for _, e := range []struct {
		n    int
		what string
	}{
		{t.survived, "survived"},
		{t.broken, "could not be tried"},
		{t.stale, "are stale in the list"},
		{t.wrong, "are called equivalent and were killed"},
	} {
		if e.n > 0 {
			errs = append(errs, fmt.Errorf("%d %s", e.n, e.what))
		}
	}
	if t.tried == 0 {
		errs = append(errs, errors.New("nothing was tried"))
	}
	return errors.Join(errs...)
}
