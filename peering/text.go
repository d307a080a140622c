package peering

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
)

// WriteText writes the report for a person: a block per link with what was done, what was seen and what to do next. Each
// row is one line, whatever servers and objects say.
func (r *Report) WriteText(w io.Writer) error {
	clean := r.printed()
	var b strings.Builder
	if why := r.unknowable(); why != "" {
		fmt.Fprintf(&b, "%s: %s\n\n", why, statusWord(r.Status()))
	}
	for i, l := range clean.Links {
		if i > 0 {
			b.WriteByte('\n')
		}
		l.writeText(&b)
	}
	for _, cluster := range slices.Sorted(maps.Keys(clean.Warnings)) {
		for _, text := range clean.Warnings[cluster] {
			fmt.Fprintf(&b, "\nwarning of the API server of %s: %s\n", cluster, text)
		}
	}
	if at := r.RenewAt(); !at.IsZero() {
		fmt.Fprintf(&b, "\ncall Ensure again before %s\n", at.UTC().Format(time.RFC3339))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l LinkReport) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "%s -> %s: %s\n", l.From, l.To, statusWord(l.verdict()))
	table := page.Table{Indent: "  "}
	row := func(c Change, action Action) {
		table.Row(string(c.Stage), c.On.String(), c.Object, colon(string(action), c.Reason))
	}
	for _, c := range l.Changes {
		row(c, c.Action)
	}
	for _, c := range l.Undone {
		row(c, c.Action)
	}
	for _, c := range l.Left {
		row(c, "LEFT BEHIND")
	}
	for _, p := range l.Results {
		table.Row(p.Check, p.Target, statusWord(p.Status), p.Summary)
	}
	b.WriteString(table.String())
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
	for _, p := range l.Results {
		if p.Hint != "" && (l.Error == nil || p.Hint != l.Error.Hint) {
			fmt.Fprintf(b, "  %s: %s\n", p.Check, p.Hint)
		}
	}
	if l.Error != nil {
		fmt.Fprintf(b, "  failed at %s on %s: %s\n", l.Error.Stage, l.Error.On, l.Error.cause())
		if l.Error.Hint != "" {
			fmt.Fprintf(b, "  next: %s\n", l.Error.Hint)
		}
	}
}
