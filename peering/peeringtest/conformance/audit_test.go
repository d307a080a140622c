package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
)

// sink keeps records as texts.
type sink struct {
	texts  []string
	record func(context.Context, *sink, peering.AuditRecord) error
}

func (s *sink) Record(ctx context.Context, r peering.AuditRecord) error { return s.record(ctx, s, r) }

func (s *sink) keep(ctx context.Context, r peering.AuditRecord) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.texts = append(s.texts, fmt.Sprintf("%s %s -> %s %s %s on %s %s", r.Actor, r.From, r.To, r.Action, r.Object, r.On, r.Error))
	return nil
}

func TestAuditSuiteCanFail(t *testing.T) {
	mutant := func(record func(context.Context, *sink, peering.AuditRecord) error) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			s := &sink{record: record}
			return conformance.AuditRules(s, func(context.Context) ([]string, error) { return slices.Clone(s.texts), nil })
		}
	}
	good := func(ctx context.Context, s *sink, r peering.AuditRecord) error { return s.keep(ctx, r) }
	suite.Mutants(t, mutant(good), map[string]func(*testing.T) []suite.Rule{
		"a record says who changed what, where and for which link": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			r.From = peering.ID{}
			return s.keep(ctx, r)
		}),
		"each of several records is kept": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			s.texts = nil // one file that is written anew
			return s.keep(ctx, r)
		}),
		"the same change twice is two records": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			before := slices.Clone(s.texts)
			err := s.keep(ctx, r)
			if slices.Contains(before, s.texts[len(s.texts)-1]) { // as Events are counted up
				s.texts = before
			}
			return err
		}),
		"what failed says why": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			r.Error = ""
			return s.keep(ctx, r)
		}),
		"a long reason loses no record": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			if len(r.Error) > 1024 {
				return errors.New("422 message: Too long: may not be more than 1024 bytes")
			}
			return s.keep(ctx, r)
		}),
		"a record of a call without an actor is kept": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			if r.Actor == "" {
				return nil
			}
			return s.keep(ctx, r)
		}),
		"with an ended context a record is kept, or there is an error": mutant(func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			_ = s.keep(ctx, r)
			return nil
		}),
	})
}

// TestAuditSuiteNamesASinkThatHangs: a sink that hangs is named as such.
func TestAuditSuiteNamesASinkThatHangs(t *testing.T) {
	rules := func() []suite.Rule {
		s := &sink{record: func(ctx context.Context, s *sink, r peering.AuditRecord) error {
			if ctx.Err() != nil {
				time.Sleep(time.Minute)
			}
			return s.keep(ctx, r)
		}}
		return conformance.AuditRules(s, func(context.Context) ([]string, error) { return s.texts, nil })
	}
	synctest.Test(t, func(t *testing.T) {
		_, errs := suite.Broken(t.Context(), rules())
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "does not come back") {
			t.Error(errs)
		}
		time.Sleep(time.Hour) // it ends
	})
}
