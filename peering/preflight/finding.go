package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/meshpeer/meshpeer/probe"
)

// FindingSchema is the version of the JSON form of [Finding].
const FindingSchema = "meshpeer.io/finding/v1"

// Severity says how much depends on a check. All severities are engineering judgement.
type Severity string

const (
	Blocks  Severity = "blocks"  // while this fails, peering (or a call of the given workload) cannot work
	Warns   Severity = "warns"   // it may work, with a loss or a risk that somebody should know
	Informs Severity = "informs" // explains what will be seen
)

// Finding is what one check says about one subject. It holds no secret.
type Finding struct {
	Schema   string       `json:"schema"` // FindingSchema
	ID       string       `json:"id"`     // of the check; stable: documentation links to it
	Severity Severity     `json:"severity"`
	Status   probe.Status `json:"status"`             // Failed only with severity blocks; Warned with the others
	Subject  string       `json:"subject,omitempty"`  // a cluster, or an object as "cluster Kind/namespace/name"
	Evidence string       `json:"evidence,omitempty"` // what was seen, in one sentence
	Remedy   string       `json:"remedy,omitempty"`   // the next step; empty when Passed or Skipped
}

// Result converts the finding to the form of every other verification, for reports that hold both.
func (f Finding) Result() probe.Result {
	r := probe.Result{Check: f.ID, Target: f.Subject, Status: f.Status, Summary: f.Evidence, Hint: f.Remedy}
	if f.Status == probe.Failed {
		r.Err = errors.New(cmp.Or(f.Evidence, f.ID))
	}
	return r
}

// Status is the worst of the findings: [probe.Failed] if one blocks.
func Status(findings []Finding) probe.Status {
	statuses := make([]probe.Status, len(findings))
	for i, f := range findings {
		statuses[i] = f.Status
	}
	return probe.Worst(statuses...)
}

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
	row(&b, "hazard", "versions", "condition", "what happens", "do", "remedy", "source", "seen on the lab")
	row(&b, "---", "---", "---", "---", "---", "---", "---", "---")
	for _, h := range AllHazards() {
		row(&b, "`"+h.ID+"`", strings.Join(h.Ranges, "; "), h.When, h.What, string(h.Do), h.Remedy, h.Source, h.Seen)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
