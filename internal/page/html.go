package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// HTMLOptions says what a page shows besides the report. Its texts may be anything.
type HTMLOptions struct {
	Title  string                 // of the page; "" means "Peering of N clusters"
	Made   time.Time              // when the report was made; zero: the page does not say
	Hosted []string               // IDs of clusters whose control plane runs elsewhere
	Splits map[string]probe.Split // which cluster answered how often, by what was asked
}

// The page refers to nothing outside itself, and its Content-Security-Policy keeps it so.
//
//go:embed templates/*
var templates embed.FS

// WriteHTML writes the report as one page that needs neither network nor script. Equal reports and options give equal
// bytes. The error is w's.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	page, err := template.New("page.tmpl").Funcs(template.FuncMap{
		"glyph": glyph, "class": class, "word": word, "utc": UTC, "took": took,
	}).ParseFS(templates, "templates/*")
	if err != nil {
		return fmt.Errorf("page: WriteHTML: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, r.html(o)); err != nil {
		return fmt.Errorf("page: WriteHTML: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// htmlPage is what the template shows, in its order.
type htmlPage struct {
	*Report
	Title   string
	Made    time.Time
	Counts  []count
	Picture picture
	Links   []htmlLink
	Splits  []split
}

type count struct {
	Status probe.Status
	N      int
}

// htmlLink is a link with what the template cannot compute.
type htmlLink struct {
	Link
	Anchor    string
	Diagnosis string // in the overview: what the link suffers from most
	Rungs     []rung
}

func (r *Report) html(o HTMLOptions) htmlPage {
	p := htmlPage{Report: r, Title: printable.Line(o.Title), Made: o.Made, Picture: draw(r.Links, o.Hosted), Splits: splits(o.Splits)}
	if p.Title == "" {
		p.Title = fmt.Sprintf("Peering of %d clusters", len(p.Picture.Nodes))
	}
	for _, s := range []probe.Status{probe.Failed, probe.Unknown, probe.Warned, probe.Passed, probe.Skipped} {
		n := 0
		for _, l := range r.Links {
			if l.Status.Known() == s {
				n++
			}
		}
		if n > 0 {
			p.Counts = append(p.Counts, count{s, n})
		}
	}
	longest := r.longest()
	for i, l := range r.Links {
		p.Links = append(p.Links, htmlLink{l, fmt.Sprintf("link-%d", i+1), l.diagnosis(), l.rungs(longest)})
	}
	return p
}

// diagnosis is the link's error, or else the first of its gravest results; "" for a link that passed.
func (l Link) diagnosis() string {
	if l.Error != nil {
		return fmt.Sprintf("%s on %s: %s", l.Error.Stage, l.Error.On, l.Error.Cause)
	}
	for _, s := range []probe.Status{probe.Failed, probe.Unknown, probe.Warned} {
		for _, r := range l.Results {
			if r.Status == s {
				return colon(r.Check, r.Summary)
			}
		}
	}
	switch {
	case len(l.Left) > 0:
		return "left behind: " + l.Left[0].Object
	case len(l.Warnings) > 0:
		return l.Warnings[0]
	}
	return ""
}

// split is a plot of shares: per cluster the interval and the share that was counted.
type split struct {
	Asked string
	Text  string // all of it in words
	Rows  []splitRow
}

// splitRow is in percent of the plot's width.
type splitRow struct {
	Cluster           string
	Text              string
	Low, Width, Point float64
}

func splits(given map[string]probe.Split) []split {
	var all []split
	for _, asked := range slices.Sorted(maps.Keys(given)) {
		plot := split{Asked: printable.Line(asked), Text: printable.Prose(given[asked].String())}
		for _, s := range given[asked].Shares() {
			row := splitRow{
				Cluster: printable.Line(s.Cluster), Text: printable.Line(s.String()), Low: rounded(100 * s.Low), Width: rounded(100 * (s.High - s.Low)),
			}
			if s.Of > 0 {
				row.Point = rounded(100 * float64(s.Answers) / float64(s.Of))
			}
			plot.Rows = append(plot.Rows, row)
		}
		all = append(all, plot)
	}
	return all
}
