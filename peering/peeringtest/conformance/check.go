package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// TestCheck checks that a traffic.Check says what it saw and no more, as Peering.Verify climbs it. The check has to hold between
// from and to, for example those of peering.Link.Sides of a link that is peered; it is tried, too, where nothing answers.
func TestCheck(t *testing.T, check traffic.Check, from, to traffic.Side) {
	if check == nil {
		t.Fatal("conformance: TestCheck needs a Check")
	}
	suite.Run(t, checkRules(check, from, to))
}

// unseen is how long a rung is given where nothing answers; one that repeats its look goes on longer by itself.
const unseen = 3 * time.Second

func checkRules(check traffic.Check, from, to traffic.Side) []suite.Rule {
	return []suite.Rule{
		{Name: "Validate takes it", Check: func(context.Context) error { return check.Validate() }},
		{Name: "there is a rung, and each has a prober", Check: func(context.Context) error {
			rungs := check.Rungs(from, to)
			if len(rungs) == 0 {
				return errors.New("without rungs nothing is ever seen")
			}
			for i, r := range rungs {
				if r.Prober == nil {
					return fmt.Errorf("rung %d, %q, has none", i+1, r.Check)
				}
			}
			return nil
		}},
		{Name: "Rungs asks nobody", Check: func(context.Context) error {
			s := &seam{}
			check.Rungs(s.of(from), s.of(to))
			if asked := s.list(); len(asked) > 0 {
				return fmt.Errorf("it asks already: %v", asked)
			}
			return nil
		}},
		{Name: "Rungs are the same for every caller at the same time", Check: func(context.Context) error {
			want, got := names(check.Rungs(from, to)), make(chan []string)
			const callers = 4
			for range callers {
				go func() { got <- names(check.Rungs(from, to)) }()
			}
			var err error
			for range callers {
				if other := <-got; !slices.Equal(want, other) {
					err = fmt.Errorf("%v, and %v", want, other)
				}
			}
			return err
		}},
		{Name: "each rung says what it looked at", Check: func(ctx context.Context) error {
			seen := map[string]bool{}
			for _, r := range climb(ctx, check.Rungs(from, to)) {
				if r.Check == "" || seen[r.Check] {
					return fmt.Errorf("name %q is empty or that of another rung: set Rung.Check", r.Check)
				}
				seen[r.Check] = true
				if r.Summary == "" {
					return fmt.Errorf("%s has no Summary", r.Check)
				}
			}
			return nil
		}},
		{Name: "it passes where it holds, again and again", Check: func(ctx context.Context) error {
			for range 2 {
				passed := 0
				for _, r := range climb(ctx, check.Rungs(from, to)) {
					switch r.Status {
					case probe.Passed:
						passed++
					case probe.Warned, probe.Skipped:
					default:
						return fmt.Errorf("%s is %q: %s; %s", r.Check, r.Status, r.Summary, r.Hint)
					}
				}
				if passed == 0 {
					return errors.New("no rung passes")
				}
			}
			return nil
		}},
		{Name: "it changes nothing", Check: func(ctx context.Context) error {
			s := &seam{}
			climb(ctx, check.Rungs(s.of(from), s.of(to)))
			for _, call := range s.list() {
				if call == "update" {
					return errors.New("it updates an object: Verify promises that nothing is changed")
				}
			}
			return nil
		}},
		{Name: "where nothing answers, not all pass, and what does not hold has a next step", Check: func(ctx context.Context) error {
			s := &seam{dead: true}
			all := true
			for _, rung := range check.Rungs(s.of(from), s.of(to)) {
				r, err := brief(ctx, rung)
				if err != nil {
					return fmt.Errorf("%s: %w", rung.Check, err)
				}
				all = all && r.Status == probe.Passed
				if !r.Status.Holds() && r.Hint == "" {
					return fmt.Errorf("%s is %q without a Hint", r.Check, r.Status)
				}
				if r.Status == probe.Failed {
					break
				}
			}
			if all && len(s.list()) > 0 {
				return fmt.Errorf("all rungs pass, although %v failed: what cannot be seen is Unknown", s.list())
			}
			return nil
		}},
		{Name: "a rung whose context has ended comes back", Check: func(ctx context.Context) error {
			for _, rung := range check.Rungs(from, to) {
				if rung.Prober == nil {
					continue
				}
				err := suite.Promptly(func() error { rung.Prober.Probe(suite.Ended(ctx)); return nil })
				if err != nil {
					return fmt.Errorf("%s: %w", rung.Check, err)
				}
			}
			return nil
		}},
	}
}

func names(rungs []traffic.Rung) (all []string) {
	for _, r := range rungs {
		all = append(all, r.Stage+" "+r.Check+" "+r.Object)
	}
	return all
}

// climb is what Verify does with rungs.
func climb(ctx context.Context, rungs []traffic.Rung) (all []probe.Result) {
	for _, rung := range rungs {
		all = append(all, rung.Probe(ctx))
		if all[len(all)-1].Status == probe.Failed {
			break
		}
	}
	return all
}

// brief climbs one rung in little time.
func brief(ctx context.Context, rung traffic.Rung) (r probe.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, unseen)
	defer cancel()
	err = suite.Promptly(func() error { r = rung.Probe(ctx); return nil })
	return r, err
}
