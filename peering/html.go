package peering

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// HTMLOptions says what a page shows besides the report. The zero value is ready to use.
type HTMLOptions struct {
	Title  string                 // of the page; "" means "Peering of N clusters"
	Made   time.Time              // when the report was made; zero: the page does not say
	Hosted []ID                   // clusters whose control plane runs elsewhere ([Cluster.Hosted]): marked in the picture
	Splits map[string]probe.Split // which cluster answered how often, by what was asked, e.g. "httpbin:8000 from east"
}

// The page refers to nothing outside itself, and its Content-Security-Policy keeps it so.
//
//go:embed html/page.tmpl html/parts.tmpl html/style.css
var pageFiles embed.FS

// WriteHTML writes the report as one page that needs nothing else, neither network nor script: the mesh as a picture, each
// link with what was done and seen, how long it took and what to do next, its credential, and shares of answers. It
// follows the reader's light or dark scheme, fits a phone and prints; no fact is told by colour only. Equal reports and
// options give equal bytes. The page holds no secret, as the report holds none; Title and the names of Splits are shown
// as they are. The error is w's.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	page, err := template.New("page.tmpl").Funcs(template.FuncMap{
		"glyph": glyph, "class": class, "word": statusWord, "utc": utc, "took": took, "reason": (*Error).cause,
	}).ParseFS(pageFiles, "html/*")
	if err != nil {
		return fmt.Errorf("peering: WriteHTML: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, r.printed().page(o)); err != nil {
		return fmt.Errorf("peering: WriteHTML: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// class is the CSS class of a status: unknown for one that this version does not know.
func class(s probe.Status) string {
	switch {
	case s == "":
		return string(probe.Skipped)
	case isStatus(s):
		return string(s)
	}
	return string(probe.Unknown)
}

// glyph tells a status without colour.
func glyph(s probe.Status) string {
	return map[string]string{"passed": "✓", "warned": "!", "failed": "✕", "unknown": "?", "skipped": "–"}[class(s)]
}

// took is a duration with at most three digits; "" for one that was not measured.
func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit).String()
		}
	}
	return d.String()
}
