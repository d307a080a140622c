// Package page holds the forms of a report and of a plan: text, HTML and JUnit XML. A form shows a view, which is plain
// data; package peering makes the view in one walk, and nothing of peering is imported here.
//
// Texts of a view are of one line and hold what prints only: who makes the view has seen to that. A status may be any
// word; one that is none of the five is shown as unknown.
package page

import (
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// Report is what the forms of a report show.
type Report struct {
	Status   probe.Status // of the whole
	Unknown  string       // why nobody can tell from the report whether all is well; "" if one can
	Goal     string       // "" means that links were verified only
	Changed  bool         // something was written
	Took     time.Duration
	RenewAt  time.Time // the earliest of the links; zero: never
	Links    []Link
	Warnings []Warnings // of API servers, by cluster
}

// Link is the part of one link of a report.
type Link struct {
	From, To   string       // cluster IDs
	Status     probe.Status // the worst of all that is reported
	Intent     []Field      // what the link is to be; nil: the forms do not say
	Findings   []Result     // of the preflight
	Changes    []Change
	Results    []Result
	Undone     []Change
	Left       []Change // could not be undone or revoked
	Warnings   []string
	Error      *Failure // nil: none
	Credential *Credential
	RenewAt    time.Time // zero: never
}

// Plan is what the text of a plan shows.
type Plan struct {
	Digest, Goal string
	Empty        bool // nothing would be written, and the plan says so of every link
	Links        []LinkPlan
}

// LinkPlan is the part of one link of a plan.
type LinkPlan struct {
	From, To   string   // cluster IDs
	Intent     []Field  // what the link is to be; nil: the form does not say
	Error      *Failure // why nothing can be planned; nil: something can
	Steps      []Step
	OverGrants []string // what the role grants beyond need
	Findings   []Result // of the preflight
	Warnings   []string
}

// Field is a fact with its name, such as endpoint and https://10.0.0.1:6443.
type Field struct{ Name, Value string }

// Change is what was or would be done to an object.
type Change struct {
	Stage  string
	On     string // ID of the cluster that holds the object
	Object string // Kind/namespace/name, or Kind/name
	Action string
	Reason string
}

// Step is a planned change.
type Step struct {
	Change
	Undo string   // how the step is undone
	Diff []string // lines of + and -
}

// Result is what was seen. Err is the text of the failure behind it.
type Result struct {
	Check, Target string
	Status        probe.Status
	Took          time.Duration
	Summary       string
	Hint          string // the next step
	Err           string
}

// Failure is why a link ended.
type Failure struct {
	Stage, On string
	Cause     string // of one line
	Hint      string // the next step
}

// Credential is a reference to the token in use, never its value.
type Credential struct {
	Kind, Namespace, Name, ServiceAccount, Fingerprint string
	Generation                                         int
	Expires                                            time.Time // zero: no expiry is known
	Warnings                                           []string
}

// Warnings are what the API server of a cluster warned of.
type Warnings struct {
	Cluster string
	Texts   []string
}
