//go:build linux

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
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

	// Skipped says why no requests were sent; empty when they were.
	Skipped string `json:"skipped,omitempty"`

	Requests []probe.Result         `json:"requests,omitempty"` // what was asked through sidecars, in order
	Answers  []answer               `json:"answers,omitempty"`  // who answered it
	Splits   map[string]probe.Split `json:"splits,omitempty"`
}

type answer struct {
	From peering.ID        `json:"from"`
	By   probe.Attribution `json:"by"`
}

type view struct {
	On      peering.ID    `json:"on"`
	Replica string        `json:"replica"`
	Cluster peering.ID    `json:"cluster"`
	Status  istiod.Status `json:"status"`
}

type auditCount struct {
	On     string `json:"on"`
	Writes int    `json:"writes"`
	Reads  int    `json:"reads"`
}

func newTeller(out io.Writer, asJSON bool) *teller {
	return &teller{out: out, asJSON: asJSON, start: time.Now(), document: document{Reports: map[string]*peering.Report{}, Splits: map[string]probe.Split{}}}
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

// title is said at once.
func (t *teller) title() {
	if !t.asJSON {
		fmt.Fprint(t.out, "quickstart peers two real clusters on this machine, proves it by requests over mutual TLS, and removes the peering.\n\n")
	}
}

// outlook says before anything is done how long it takes, how much disk it needs, and what this machine cannot do.
func (t *teller) outlook(o lab.Outlook) {
	t.line("time     about 1 minute for the story; %s", o.Time())
	t.line("disk     %s", o.Disk())
	t.line("touches  nothing else: clusters are processes that end with this program")
	lacks := o.Lacks()
	if len(lacks) == 0 {
		t.line("machine  has everything it needs")
	}
	for i, line := range lacks {
		t.line("%-8s %s", map[bool]string{true: "machine"}[i == 0], line)
	}
	fmt.Fprintln(t.out)
}

// skipped says why the requests of the scenario cannot be sent.
func (t *teller) skipped(why error) {
	t.document.Skipped = why.Error()
	t.line("no requests between the clusters: %v", why)
}

func (t *teller) progress(text string) { t.line("%s", text) }

// event is a step of the SDK as it ends. One without an action still waits; one that found nothing to do, or looked only, is
// in the report: none of these is worth a line.
func (t *teller) event(e peering.Event) {
	if e.Action == "" || e.Action == peering.Unchanged || e.Action == peering.Verified && e.Error == "" {
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

func (t *teller) view(on peering.ID, replica string, cluster peering.ID, status istiod.Status) {
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

func (t *teller) result(r probe.Result) {
	t.document.Requests = append(t.document.Requests, r)
	mark := map[probe.Status]string{probe.Passed: "✓", probe.Failed: "✗"}[r.Status]
	t.line("%s %s: %s", cmp.Or(mark, "?"), r.Check, r.Summary)
	if r.Hint != "" {
		t.line("    %s", r.Hint)
	}
}

func (t *teller) answer(l peering.Link, a probe.Attribution) {
	t.document.Answers = append(t.document.Answers, answer{l.From.ID, a})
	for _, s := range a.Signs {
		t.line("    %s says %s: %s", s.Source, s.Cluster, s.Evidence)
	}
}

func (t *teller) split(what string, s probe.Split) {
	t.document.Splits[what] = s
	t.line("%s: %s", what, s)
}

// write makes the files of -report, of the last look at the peered mesh.
func (t *teller) write(page string) error {
	report := t.document.Reports["verify"]
	if report == nil {
		report = t.document.Reports["ensure"]
	}
	if page == "" || report == nil {
		return nil
	}
	base := strings.TrimSuffix(page, filepath.Ext(page))
	for file, form := range map[string]func(io.Writer) error{
		page: func(w io.Writer) error {
			return report.WriteHTML(w, peering.HTMLOptions{Made: time.Now(), Splits: t.document.Splits})
		},
		base + ".xml":  report.WriteJUnit,
		base + ".json": func(w io.Writer) error { return json.NewEncoder(w).Encode(t.document) },
	} {
		var content bytes.Buffer
		if err := form(&content); err != nil {
			return err
		}
		if err := os.WriteFile(file, content.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (t *teller) end() error {
	if t.asJSON {
		encoder := json.NewEncoder(t.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(t.document)
	}
	fmt.Fprintf(t.out, "\n%5.1fs  Done: peered, proved, removed\n", time.Since(t.start).Seconds())
	return nil
}
