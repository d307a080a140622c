package peering

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText writes the report for a person: a block per link with what was done, what was seen and what to do next.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, l := range r.Links {
		if i > 0 {
			b.WriteByte('\n')
		}
		l.writeText(&b)
	}
	for _, cluster := range slices.Sorted(maps.Keys(r.Warnings)) {
		for _, text := range r.Warnings[cluster] {
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
	fmt.Fprintf(b, "%s -> %s: %s\n", l.From, l.To, l.Status)
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(c Change, action Action) {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Stage, c.On, c.Object, strings.TrimSuffix(string(action)+": "+c.Reason, ": "))
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
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", p.Check, p.Target, p.Status, p.Summary)
	}
	_ = table.Flush() // to memory
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
	for _, p := range l.Results {
		if p.Hint != "" && (l.Error == nil || p.Hint != l.Error.Hint) {
			fmt.Fprintf(b, "  %s: %s\n", p.Check, p.Hint)
		}
	}
	if l.Error != nil {
		fmt.Fprintf(b, "  failed at %s on %s: %v\n", l.Error.Stage, l.Error.On, l.Error.Err)
		if l.Error.Hint != "" {
			fmt.Fprintf(b, "  next: %s\n", l.Error.Hint)
		}
	}
}
