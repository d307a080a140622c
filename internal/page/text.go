package page

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteText writes a block per link: what was done, what was seen and what to do next. Each row is one line. The error is
// w's.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	if r.Unknown != "" {
		fmt.Fprintf(&b, "%s: %s\n\n", r.Unknown, word(r.Status))
	}
	for i, l := range r.Links {
		if i > 0 {
			b.WriteByte('\n')
		}
		l.writeText(&b)
	}
	for _, c := range r.Warnings {
		for _, text := range c.Texts {
			fmt.Fprintf(&b, "\nwarning of the API server of %s: %s\n", c.Cluster, text)
		}
	}
	if at := UTC(r.RenewAt); at != "" {
		fmt.Fprintf(&b, "\ncall Ensure again before %s\n", at)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l Link) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "%s -> %s: %s\n", l.From, l.To, word(l.Status))
	writeIntent(b, l.Intent)
	table := Table{Indent: "  "}
	row := func(c Change, action string) { table.Row(c.Stage, c.On, c.Object, colon(action, c.Reason)) }
	for _, c := range l.Changes {
		row(c, c.Action)
	}
	for _, c := range l.Undone {
		row(c, c.Action)
	}
	for _, c := range l.Left {
		row(c, "LEFT BEHIND")
	}
	for _, r := range l.Results {
		table.Row(r.Check, r.Target, word(r.Status), r.Summary)
	}
	b.WriteString(table.String())
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
	for _, r := range l.Results {
		if r.Hint != "" && (l.Error == nil || r.Hint != l.Error.Hint) {
			fmt.Fprintf(b, "  %s: %s\n", r.Check, r.Hint)
		}
	}
	writeFailure(b, "failed at", l.Error)
}

// WriteText writes the plan as a table per link, with the lines that would change and how each step is undone. Each row is
// one line. The error is w's.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "plan %.12s, goal %s\n", p.Digest, p.Goal)
	for _, l := range p.Links {
		fmt.Fprintf(&b, "\n%s -> %s\n", l.From, l.To)
		l.writeText(&b)
	}
	if p.Empty {
		b.WriteString("\nnothing to do\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l LinkPlan) writeText(b *strings.Builder) {
	writeIntent(b, l.Intent)
	writeFailure(b, "cannot be planned:", l.Error)
	table := Table{Indent: "  "}
	for i, s := range l.Steps {
		table.Row(strconv.Itoa(i+1), s.Stage, s.On, s.Object, colon(s.Action, s.Reason), s.Undo)
	}
	b.WriteString(table.String())
	for i, s := range l.Steps {
		for _, text := range s.Diff {
			fmt.Fprintf(b, "    %d %s\n", i+1, text)
		}
	}
	for _, text := range l.OverGrants {
		fmt.Fprintf(b, "  grants beyond need: %s\n", text)
	}
	for _, f := range l.Findings {
		fmt.Fprintf(b, "  %s %s: %s: %s\n", preflight, f.Check, word(f.Status), f.Summary)
	}
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
}

// writeIntent writes all of what a link is to be as one line, so that two plans can be compared by eye.
func writeIntent(b *strings.Builder, fields []Field) {
	for i, f := range fields {
		fmt.Fprintf(b, "%s%s %s", gap, f.Name, f.Value)
		if i == len(fields)-1 {
			b.WriteByte('\n')
		}
	}
}

func writeFailure(b *strings.Builder, lead string, f *Failure) {
	if f == nil {
		return
	}
	fmt.Fprintf(b, "  %s %s on %s: %s\n", lead, f.Stage, f.On, f.Cause)
	if f.Hint != "" {
		fmt.Fprintf(b, "  next: %s\n", f.Hint)
	}
}
