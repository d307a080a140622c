package probe

import (
	"encoding/json"
	"errors"
	"time"
)

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
