package preflight

import (
	"cmp"
	"errors"

	"github.com/meshpeer/meshpeer/probe"
)

// FindingSchema is the version of the JSON form of [Finding].
const FindingSchema = "meshpeer.io/finding/v1"

// Severity is how much depends on a check. All severities are engineering judgement.
type Severity string

const (
	Blocks  Severity = "blocks"  // while this fails, peering (or a call of the given workload) cannot work
	Warns   Severity = "warns"   // it may work, with a loss or a risk that somebody should know
	Informs Severity = "informs" // explains what will be seen
)

// Finding is what one check says of one subject. It holds no secret.
type Finding struct {
	Schema   string       `json:"schema"` // FindingSchema
	ID       string       `json:"id"`     // of the check; stable: documentation links to it
	Severity Severity     `json:"severity"`
	Status   probe.Status `json:"status"`             // Failed only with severity blocks; Warned with the others
	Subject  string       `json:"subject,omitempty"`  // a cluster, or an object as "cluster Kind/namespace/name"
	Evidence string       `json:"evidence,omitempty"` // what was seen, in one sentence
	Remedy   string       `json:"remedy,omitempty"`   // the next step; empty when Passed or Skipped
}

// Result is the finding in the form of every other verification, for reports that hold both.
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
