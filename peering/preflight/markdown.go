package preflight

import (
	"io"
	"strings"
)

// WriteMarkdown writes the reference of all checks and hazards: the text of docs/preflight.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Preflight\n\n" +
		"Generated from the tables of package peering/preflight; do not edit.\n\n" +
		"All checks run at once, read only, and share what they read. What cannot be read is unknown, never failed.\n" +
		"A check that blocks ends in failed; one that warns or informs ends in warned.\n\n" +
		"## Checks\n\n")
	row(&b, "check", "severity", "what must hold", "reads", "source")
	row(&b, "---", "---", "---", "---", "---")
	for _, c := range Checks() {
		row(&b, "`"+c.ID+"`", string(c.Severity), c.Asks, strings.Join(c.Needs, "; "), c.Source)
	}
	b.WriteString("\n## Hazards of a rotation\n\nBy the version of the istiod that reads the changed remote secret.\n\n")
	row(&b, "hazard", "versions", "condition", "what happens", "do", "remedy", "source")
	row(&b, "---", "---", "---", "---", "---", "---", "---")
	for _, h := range AllHazards() {
		row(&b, "`"+h.ID+"`", strings.Join(h.Ranges, "; "), h.When, h.What, string(h.Do), h.Remedy, h.Source)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
