package peering

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/internal/page"
)

// WriteText writes the plan as a table per link, with the lines that would change and how each step is undone. Each row is
// one line, whatever servers and objects say.
func (p *Plan) WriteText(w io.Writer) error {
	clean := p.printed()
	var b strings.Builder
	fmt.Fprintf(&b, "plan %.12s, goal %s\n", p.Digest(), clean.Goal)
	for _, l := range clean.Links {
		fmt.Fprintf(&b, "\n%s -> %s\n", l.From, l.To)
		l.writeText(&b)
	}
	if p.Empty() {
		b.WriteString("\nnothing to do\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l LinkPlan) writeText(b *strings.Builder) {
	if l.Error != nil {
		fmt.Fprintf(b, "  cannot be planned: %s on %s: %s\n  next: %s\n", l.Error.Stage, l.Error.On, l.Error.cause(), l.Error.Hint)
	}
	table := page.Table{Indent: "  "}
	for i, s := range l.Steps {
		table.Row(strconv.Itoa(i+1), string(s.Stage), s.On.String(), s.Object, colon(string(s.Action), s.Reason), s.Undo)
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
		fmt.Fprintf(b, "  preflight %s: %s: %s\n", f.ID, statusWord(f.Status), f.Evidence)
	}
	for _, text := range l.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", text)
	}
}
