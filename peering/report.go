package peering

import (
	"io"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// ReportSchema is the version of the JSON form of [Report].
const ReportSchema = "meshpeer.io/report/v1"

// Report is what a call did and saw, link by link in the order given. It holds no secret and can be stored as JSON.
type Report struct {
	Schema   string              `json:"schema"`
	Goal     Goal                `json:"goal,omitempty"` // empty for Verify
	Links    []LinkReport        `json:"links"`
	Warnings map[string][]string `json:"warnings,omitempty"` // what API servers warned of, by cluster ID
	Took     time.Duration       `json:"tookNanoseconds"`
}

// LinkReport is the part of one link.
type LinkReport struct {
	From       ID                  `json:"from"`
	To         ID                  `json:"to"`
	Status     probe.Status        `json:"status"`               // the worst of Results; Failed if there is an Error
	Changes    []Change            `json:"changes,omitempty"`    // every mutating step, also those that found nothing to do
	Undone     []Change            `json:"undone,omitempty"`     // undone after a failure
	Left       []Change            `json:"left,omitempty"`       // could not be undone or revoked: remove it by hand, or call again
	Findings   []preflight.Finding `json:"findings,omitempty"`   // of the preflight, those that did not pass; Status does not count them
	Results    []probe.Result      `json:"results,omitempty"`    // what was verified
	Credential *secrets.Ref        `json:"credential,omitempty"` // the token in use, without its value
	// RenewAt is when Ensure has to be called again; zero: never. A link that failed asks for it after a minute.
	RenewAt  time.Time `json:"renewAt,omitzero"`
	Warnings []string  `json:"warnings,omitempty"`
	Error    *Error    `json:"error,omitempty"`
}

// Status is the worst of the links, each taken by its Status and by all that it reports: one that says passed beside a
// failed result has failed. A report without links, of another schema, with a goal or a status that this version does not
// know, or with a link that reports nothing at all is Unknown at best.
func (r *Report) Status() probe.Status {
	if r == nil {
		return probe.Unknown
	}
	statuses := []probe.Status{}
	if r.unknowable() != "" {
		statuses = append(statuses, probe.Unknown)
	}
	for _, l := range r.Links {
		statuses = append(statuses, l.verdict())
	}
	return worst(statuses...)
}

// unknowable says why nobody can tell from the report whether all is well; "" if one can. A report made by hand may lack
// the schema.
func (r *Report) unknowable() string {
	switch {
	case r == nil || len(r.Links) == 0:
		return "the report has no links"
	case r.Schema != "" && r.Schema != ReportSchema:
		return "the report has a schema that this version does not know"
	case r.Goal != verified && !r.Goal.valid():
		return "the report has a goal that this version does not know"
	}
	return ""
}

// verdict is the status of a link, which what it reports may make worse and never better.
func (l LinkReport) verdict() probe.Status { return worst(l.Status, l.seen()) }

// seen derives the status of a link from what it reports.
func (l LinkReport) seen() probe.Status {
	var statuses []probe.Status
	for _, r := range l.Results {
		statuses = append(statuses, r.Status)
	}
	if len(l.Changes) > 0 {
		statuses = append(statuses, probe.Passed)
	}
	if len(l.Warnings) > 0 || len(l.Left) > 0 {
		statuses = append(statuses, probe.Warned)
	}
	if l.Error != nil {
		statuses = append(statuses, probe.Failed)
	}
	if len(statuses) == 0 {
		return probe.Unknown // nobody has looked
	}
	return worst(statuses...)
}

// worst is probe.Worst, with Unknown for whatever is none of the five statuses.
func worst(statuses ...probe.Status) probe.Status {
	known := make([]probe.Status, len(statuses))
	for i, s := range statuses {
		if known[i] = s; !isStatus(s) {
			known[i] = probe.Unknown
		}
	}
	return probe.Worst(known...)
}

func isStatus(s probe.Status) bool {
	switch s {
	case probe.Passed, probe.Warned, probe.Failed, probe.Unknown, probe.Skipped:
		return true
	}
	return false
}

// RenewAt is the earliest moment at which Ensure has to be called again: a credential is to be renewed, or a link has failed, which
// is tried again after a minute. Zero if no link asks for it.
func (r *Report) RenewAt() time.Time {
	var first time.Time
	for _, l := range r.Links {
		if !l.RenewAt.IsZero() && (first.IsZero() || l.RenewAt.Before(first)) {
			first = l.RenewAt
		}
	}
	return first
}

// Changed says whether anything was written.
func (r *Report) Changed() bool {
	for _, l := range r.Links {
		for _, c := range l.Changes {
			if c.Action != Unchanged {
				return true
			}
		}
	}
	return false
}

// WriteText writes the report for a person: a block per link with what was done, what was seen and what to do next. Each
// row is one line, whatever servers and objects say. The error is w's.
func (r *Report) WriteText(w io.Writer) error { return r.view().WriteText(w) }

// WriteJUnit writes the report as JUnit XML, the form of test results that CI systems show: a suite per link and a case
// for each change and each result. There is a failure or an error exactly where a result or a link Failed, so the CI
// system and [Report.Status] agree. Unknown and Skipped results, and what was left behind, are skipped cases that say why.
// Warned results pass and say why in their output. Findings of the preflight fail nothing by themselves. A link or a
// report that holds nothing gives one skipped case. Suites carry the credential and RenewAt as properties. The error is w's.
//
// An undone change and one that was left behind are cases of their own besides the change itself. The error of a link
// that only repeats failed results, as after [Peering.Verify], is not a case of its own.
func (r *Report) WriteJUnit(w io.Writer) error { return r.view().WriteJUnit(w) }

// HTMLOptions says what a page shows besides the report. The zero value is ready to use.
type HTMLOptions struct {
	Title  string                 // of the page; "" means "Peering of N clusters"
	Made   time.Time              // when the report was made; zero: the page does not say
	Hosted []ID                   // clusters whose control plane runs elsewhere ([Cluster.Hosted]): marked in the picture
	Splits map[string]probe.Split // which cluster answered how often, by what was asked, e.g. "httpbin:8000 from east"
}

// WriteHTML writes the report as one page that needs nothing else, neither network nor script: the mesh as a picture, each
// link with what was done and seen, how long it took and what to do next, its credential, and shares of answers. It
// follows the reader's light or dark scheme, fits a phone and prints; no fact is told by colour only. Equal reports and
// options give equal bytes. The page holds no secret, as the report holds none; Title and the names of Splits are shown
// as they are. The error is w's.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	return r.view().WriteHTML(w, page.HTMLOptions{Title: o.Title, Made: o.Made, Hosted: each(o.Hosted, ID.String), Splits: o.Splits})
}

// WriteText writes the plan as a table per link, with the lines that would change and how each step is undone. Each row is
// one line, whatever servers and objects say. The error is w's.
func (p *Plan) WriteText(w io.Writer) error { return p.view().WriteText(w) }
