package peering

import (
	"io"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Report is what a call did and saw, link by link. It holds no secret.
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
	RenewAt    time.Time           `json:"renewAt,omitzero"`     // when to call Ensure again (a link that failed: in a minute); zero: never
	Warnings   []string            `json:"warnings,omitempty"`
	Error      *Error              `json:"error,omitempty"`
}

// Status is the worst of all that the links report; of none it is Unknown.
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

// RenewAt is the earliest of the links; zero if none has one.
func (r *Report) RenewAt() time.Time {
	var first time.Time
	for _, l := range r.Links {
		if !l.RenewAt.IsZero() && (first.IsZero() || l.RenewAt.Before(first)) {
			first = l.RenewAt
		}
	}
	return first
}

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

// WriteText writes for each link what was done and seen, and what to do next.
func (r *Report) WriteText(w io.Writer) error { return r.view().WriteText(w) }

// WriteJUnit writes a suite per link and a case for each change and result. Failures are exactly what Failed; Unknown,
// Skipped and Left are skipped.
func (r *Report) WriteJUnit(w io.Writer) error { return r.view().WriteJUnit(w) }

// HTMLOptions says what a page shows besides the report.
type HTMLOptions struct {
	Title  string                 // of the page; "" means "Peering of N clusters"
	Made   time.Time              // when the report was made; zero: the page does not say
	Hosted []ID                   // clusters whose control plane runs elsewhere ([Cluster.Hosted]): marked in the picture
	Splits map[string]probe.Split // which cluster answered how often, by what was asked, e.g. "httpbin:8000 from east"
}

// WriteHTML writes one page that needs neither network nor script.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	return r.view().WriteHTML(w, page.HTMLOptions{Title: o.Title, Made: o.Made, Hosted: each(o.Hosted, ID.String), Splits: o.Splits})
}

// WriteText writes a table per link: the steps, their diffs and undo.
func (p *Plan) WriteText(w io.Writer) error { return p.view().WriteText(w) }

// warnings are what the API servers said since the last call.
func (r *run) warnings() map[string][]string {
	all := map[string][]string{}
	for cluster := range r.clusters {
		if texts := cluster.warnings.take(); len(texts) > 0 {
			all[cluster.ID.String()] = texts
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
