package preflight

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the findings for a person: a line for each, and below it what to do about the ones that did not pass.
func WriteText(w io.Writer, findings []Finding) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.ID, strings.TrimPrefix(f.Subject+": "+f.Evidence, ": "))
		if f.Remedy != "" {
			fmt.Fprintf(table, "\t\t%s: %s\n", f.Severity, f.Remedy)
		}
	}
	_ = table.Flush() // to memory
	_, err := io.WriteString(w, b.String())
	return err
}
