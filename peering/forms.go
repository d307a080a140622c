package peering

import (
	"io"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/probe"
)

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
	return r.view().WriteHTML(w, page.HTMLOptions{Title: o.Title, Made: o.Made, Hosted: mapped(o.Hosted, ID.String), Splits: o.Splits})
}

// WriteText writes the plan as a table per link, with the lines that would change and how each step is undone. Each row is
// one line, whatever servers and objects say. The error is w's.
func (p *Plan) WriteText(w io.Writer) error { return p.view().WriteText(w) }
