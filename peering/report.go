package peering

import (
	"time"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// ReportSchema is the version of the JSON form of [Report].
const ReportSchema = "meshpeer.io/report/v1"

// Report is what a call did and saw, link by link in the order given. It holds no secret and can be stored as JSON.
type Report struct {
	Schema   string              `json:"schema"`
	Goal     Goal                `json:"goal,omitempty"` // empty for Verify
	Links    []LinkReport        `json:"links"`
	Warnings map[string][]string `json:"warnings,omitempty"` // what API servers warned of, by cluster ID
	Took     time.Duration       `json:"tookNanoseconds"`
}

// LinkReport is the part of one link.
type LinkReport struct {
	From       ID                  `json:"from"`
	To         ID                  `json:"to"`
	Status     probe.Status        `json:"status"`               // the worst of Results; Failed if there is an Error
	Changes    []Change            `json:"changes,omitempty"`    // every mutating step, also those that found nothing to do
	Undone     []Change            `json:"undone,omitempty"`     // taken back after a failure
	Left       []Change            `json:"left,omitempty"`       // could not be taken back or revoked: needs a hand, or the next call
	Findings   []preflight.Finding `json:"findings,omitempty"`   // of the preflight, those that did not pass; Status does not count them
	Results    []probe.Result      `json:"results,omitempty"`    // what was verified
	Credential *secrets.Ref        `json:"credential,omitempty"` // the token in use, without its value
	RenewAt    time.Time           `json:"renewAt,omitzero"`     // when Ensure has to be called again; zero: never
	Warnings   []string            `json:"warnings,omitempty"`
	Error      *Error              `json:"error,omitempty"`
}

// Status is the worst of the links.
func (r *Report) Status() probe.Status {
	statuses := make([]probe.Status, len(r.Links))
	for i, l := range r.Links {
		statuses[i] = l.Status
	}
	return probe.Worst(statuses...)
}

// RenewAt is the earliest moment at which Ensure has to be called again; zero if no credential expires.
func (r *Report) RenewAt() time.Time {
	var first time.Time
	for _, l := range r.Links {
		if !l.RenewAt.IsZero() && (first.IsZero() || l.RenewAt.Before(first)) {
			first = l.RenewAt
		}
	}
	return first
}

// Changed says whether anything was written.
func (r *Report) Changed() bool {
	for _, l := range r.Links {
		for _, c := range l.Changes {
			if c.Action != Unchanged {
				return true
			}
		}
	}
	return false
}

// settle derives the status of a link from what happened.
func (l *LinkReport) settle() {
	statuses := []probe.Status{probe.Passed}
	for _, r := range l.Results {
		statuses = append(statuses, r.Status)
	}
	if len(l.Warnings) > 0 || len(l.Left) > 0 {
		statuses = append(statuses, probe.Warned)
	}
	if l.Error != nil {
		statuses = append(statuses, probe.Failed)
	}
	l.Status = probe.Worst(statuses...)
}
