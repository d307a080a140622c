//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// teller prints the story as it happens or, for machines, one JSON document at the end.
type teller struct {
	out      io.Writer
	asJSON   bool
	start    time.Time
	document document
}

// document is what -json prints.
type document struct {
	Views   []view                     `json:"views"`   // what each istiod replica said, in the order of asking
	Reports map[string]*peering.Report `json:"reports"` // ensure, again, remove
	Audit   []auditCount               `json:"audit"`   // of the second Ensure
	Refused []peering.ID               `json:"refused"` // clusters that refuse the revoked token
}

type view struct {
	On      peering.ID         `json:"on"`
	Replica string             `json:"replica"`
	Cluster peering.ID         `json:"cluster"`
	Status  peering.SyncStatus `json:"status"`
}

type auditCount struct {
	On     string `json:"on"`
	Writes int    `json:"writes"`
	Reads  int    `json:"reads"`
}

func newTeller(out io.Writer, asJSON bool) *teller {
	return &teller{out: out, asJSON: asJSON, start: time.Now(), document: document{Reports: map[string]*peering.Report{}}}
}

func (t *teller) line(format string, args ...any) {
	if !t.asJSON {
		fmt.Fprintf(t.out, "  "+format+"\n", args...)
	}
}

func (t *teller) chapter(title string) {
	if !t.asJSON {
		fmt.Fprintf(t.out, "\n%5.1fs  %s\n\n", time.Since(t.start).Seconds(), title)
	}
}

func (t *teller) progress(text string) { t.line("%s", text) }

// event is a step of the SDK as it ends. One without an action still waits, and one that found nothing to do is counted
// by the report: neither is worth a line.
func (t *teller) event(e peering.Event) {
	if e.Action == "" || e.Action == peering.Unchanged {
		return
	}
	mark, text := "✓", string(e.Action)
	if e.Error != "" {
		mark, text = "✗", e.Error
	} else if e.Reason != "" {
		text += ": " + e.Reason
	}
	t.line("%s %s → %s   %-6s on %-9s  %-56s %s", mark, e.From, e.To, e.Stage, e.On, e.Object, text)
}

// report keeps the report for -json and says what the events did not.
func (t *teller) report(name string, r *peering.Report) {
	if r == nil {
		return // bad input: there is nothing to tell but the error
	}
	t.document.Reports[name] = r
	for _, l := range r.Links {
		unchanged := 0
		for _, c := range l.Changes {
			if c.Action == peering.Unchanged {
				unchanged++
			}
		}
		if unchanged > 0 {
			t.line("= %s → %s   %d objects unchanged", l.From, l.To, unchanged)
		}
		for _, result := range l.Results {
			t.line("· %s → %s   %s: %s (%s)", l.From, l.To, result.Target, result.Summary, result.Took.Round(time.Millisecond))
		}
	}
}

func (t *teller) view(on peering.ID, replica string, cluster peering.ID, status peering.SyncStatus) {
	t.document.Views = append(t.document.Views, view{on, replica, cluster, status})
	t.line("%s of %s: %s is %s", replica, on, cluster, status)
}

func (t *teller) audit(on string, writes, reads int) {
	t.document.Audit = append(t.document.Audit, auditCount{on, writes, reads})
	t.line("audit log of %s: %d writes, %d reads", on, writes, reads)
}

func (t *teller) refused(on peering.ID) {
	t.document.Refused = append(t.document.Refused, on)
	t.line("%s answers 401 to the revoked token", on)
}

func (t *teller) end() error {
	if t.asJSON {
		encoder := json.NewEncoder(t.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(t.document)
	}
	fmt.Fprintf(t.out, "\n%5.1fs  Done: peered, proved, taken back\n", time.Since(t.start).Seconds())
	return nil
}
