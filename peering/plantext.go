package peering

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
)

// WriteText writes the plan as a table per link, with the lines that would change and how each step is taken back.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "plan %.12s, goal %s\n", p.Digest(), p.Goal)
	for _, l := range p.Links {
		fmt.Fprintf(&b, "\n%s -> %s\n", l.From, l.To)
		l.writeText(&b)
	}
	if p.Empty() {
		b.WriteString("\nnothing to do\n")
	}
	_, err := io.WriteString(w, blanks.ReplaceAllString(b.String(), "\n"))
	return err
}

// blanks at the end of lines come from empty last columns.
var blanks = regexp.MustCompile(` +\n`)

func (l LinkPlan) writeText(b *strings.Builder) {
	if l.Error != nil {
		fmt.Fprintf(b, "  cannot be planned: %s on %s: %v\n  next: %s\n", l.Error.Stage, l.Error.On, l.Error.Err, l.Error.Hint)
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, s := range l.Steps {
		fmt.Fprintf(table, "  %d\t%s\t%s\t%s\t%s\t%s\n", i+1, s.Stage, s.On, s.Object, strings.TrimSuffix(string(s.Action)+": "+s.Reason, ": "), s.Undo)
	}
	_ = table.Flush() // to memory
	for i, s := range l.Steps {
		for _, line := range s.Diff {
			fmt.Fprintf(b, "    %d %s\n", i+1, line)
		}
	}
	for _, text := range l.OverGrants {
		fmt.Fprintf(b, "  grants beyond need: %s\n", text)
	}
	for _, f := range l.Findings {
		fmt.Fprintf(b, "  preflight %s: %s: %s\n", f.ID, f.Status, f.Evidence)
	}
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
}
