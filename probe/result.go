package probe

import (
	"encoding/json"
	"errors"
	"time"
)

// Status is the verdict of a check. The zero value means that the check did not run yet.
type Status string

const (
	Passed  Status = "passed"  // seen to hold
	Warned  Status = "warned"  // holds, with something the user should know
	Failed  Status = "failed"  // seen not to hold
	Unknown Status = "unknown" // could not be seen from here; the Hint says what would make it known
	Skipped Status = "skipped" // not applicable, or a check before it failed
)

// weight orders statuses from harmless to grave.
var weight = map[Status]int{Skipped: 1, Passed: 2, Warned: 3, Unknown: 4, Failed: 5}

// Worst is the gravest of the statuses: Failed, Unknown, Warned, Passed, Skipped, in this order. Without any it is
// Skipped: nothing was checked.
func Worst(statuses ...Status) Status {
	worst := Skipped
	for _, s := range statuses {
		if weight[s] > weight[worst] {
			worst = s
		}
	}
	return worst
}

// Proof says how far something was shown. It is "" for what was not looked at.
type Proof string

const (
	// Proved means shown in a way that could have come out otherwise: by two independent signs, or against a control.
	Proved Proof = "proved"
	// Observed means that one sign speaks for it and none against it.
	Observed Proof = "observed"
	// Unproved means that nothing speaks for it, or that signs disagree: it is unknown.
	Unproved Proof = "unknown"
)

// Status is Passed for Proved, Warned for Observed, else Unknown.
func (p Proof) Status() Status {
	switch p {
	case Proved:
		return Passed
	case Observed:
		return Warned
	default:
		return Unknown
	}
}

// Result is the answer of one check.
type Result struct {
	Check   string        // stable name of the check, e.g. "istiod-synced": documentation links to it
	Target  string        // what was looked at, e.g. "istiod-1 of cluster-2"
	Status  Status        // the verdict
	Took    time.Duration // wall time of the check
	Summary string        // one sentence of evidence
	Hint    string        // the next step for the user; empty when Passed
	Err     error         // the failure behind Failed or Unknown, if there was one
}

// wireResult is the JSON form of a Result: an error travels as its text.
type wireResult struct {
	Check   string        `json:"check"`
	Target  string        `json:"target,omitempty"`
	Status  Status        `json:"status"`
	Took    time.Duration `json:"tookNanoseconds,omitempty"`
	Summary string        `json:"summary,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// MarshalJSON writes the result with its error as text.
func (r Result) MarshalJSON() ([]byte, error) {
	w := wireResult{r.Check, r.Target, r.Status, r.Took, r.Summary, r.Hint, ""}
	if r.Err != nil {
		w.Error = r.Err.Error()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote; the error comes back with the same text, without its type.
func (r *Result) UnmarshalJSON(data []byte) error {
	var w wireResult
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Result{w.Check, w.Target, w.Status, w.Took, w.Summary, w.Hint, nil}
	if w.Error != "" {
		r.Err = errors.New(w.Error)
	}
	return nil
}
