package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
)

// TestAuditSink checks that what is recorded can be found again. stored returns what the sink keeps, a text for each record, in
// any form and order: it has to tell who changed what, where, for which link, and what came of it. Records that were there
// before are no matter. The suite removes nothing.
func TestAuditSink(t *testing.T, sink peering.AuditSink, stored func(context.Context) ([]string, error)) {
	if sink == nil || stored == nil {
		t.Fatal("conformance: TestAuditSink needs an AuditSink and a look at what it stored")
	}
	suite.Run(t, auditRules(sink, stored))
}

// auditRecord is one as a call makes it, of the object with a name.
func auditRecord(name string) peering.AuditRecord {
	from, to := peering.MustID("conformance-from"), peering.MustID("conformance-to")
	return peering.AuditRecord{
		Schema: peering.AuditSchema, Time: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), Actor: "conformance-actor", Run: "run", Plan: strings.Repeat("0a", 32),
		From: from, To: to, Change: peering.Change{Stage: peering.StageGrant, On: to, Object: "ClusterRole/" + name, Action: peering.Created},
		ClusterUID: "uid",
	}
}

func auditRules(sink peering.AuditSink, stored func(context.Context) ([]string, error)) []suite.Rule {
	// keeps records r, and fails unless there are as many texts as wanted with all of the words.
	keeps := func(ctx context.Context, want int, words []string, records ...peering.AuditRecord) error {
		for _, r := range records {
			if err := sink.Record(ctx, r); err != nil {
				return err
			}
		}
		texts, err := stored(ctx)
		if err != nil {
			return err
		}
		found := 0
		for _, text := range texts {
			if hasAll(text, words) {
				found++
			}
		}
		if found != want {
			return fmt.Errorf("of %d records kept, %d have %q, in place of %d", len(texts), found, words, want)
		}
		return nil
	}
	return []suite.Rule{
		{Name: "a record says who changed what, where and for which link", Check: func(ctx context.Context) error {
			return keeps(ctx, 1, []string{"conformance-first", "conformance-actor", "conformance-from", "conformance-to", string(peering.Created)}, auditRecord("conformance-first"))
		}},
		{Name: "each of several records is kept", Check: func(ctx context.Context) error {
			return keeps(ctx, 2, []string{"conformance-several"}, auditRecord("conformance-several-1"), auditRecord("conformance-several-2"))
		}},
		{Name: "the same change twice is two records", Check: func(ctx context.Context) error {
			return keeps(ctx, 2, []string{"conformance-twice"}, auditRecord("conformance-twice"), auditRecord("conformance-twice"))
		}},
		{Name: "what failed says why", Check: func(ctx context.Context) error {
			r := auditRecord("conformance-failed")
			r.Error = "conformance-reason"
			return keeps(ctx, 1, []string{"conformance-failed", "conformance-reason"}, r)
		}},
		{Name: "a long reason loses no record", Check: func(ctx context.Context) error {
			r := auditRecord("conformance-long")
			r.Error = strings.Repeat("a long reason, 理由; ", 500)
			return keeps(ctx, 1, []string{"conformance-long"}, r)
		}},
		{Name: "a record of a call without an actor is kept", Check: func(ctx context.Context) error {
			r := auditRecord("conformance-nobody")
			r.Actor = ""
			return keeps(ctx, 1, []string{"conformance-nobody"}, r)
		}},
		{Name: "with an ended context a record is kept, or there is an error", Check: func(ctx context.Context) error {
			return suite.Promptly(func() error {
				if sink.Record(suite.Ended(ctx), auditRecord("conformance-ended")) != nil {
					return nil
				}
				texts, err := stored(ctx)
				for _, text := range texts {
					if strings.Contains(text, "conformance-ended") {
						return err
					}
				}
				return errors.Join(errors.New("there is neither: nobody knows that it is lost"), err)
			})
		}},
	}
}

func hasAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
