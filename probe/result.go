package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Status is the verdict of a check. The zero value means that the check did not run yet. Whatever is not one of the five
// counts as Unknown: in [Worst], in JSON, in print.
type Status string

const (
	Passed  Status = "passed"  // seen to hold
	Warned  Status = "warned"  // holds, with something the user should know
	Failed  Status = "failed"  // seen not to hold
	Unknown Status = "unknown" // could not be seen from here; the Hint says what would make it known
	Skipped Status = "skipped" // not applicable, or a check before it failed
)

// weight orders statuses from harmless to grave. No other value is a status.
var weight = map[Status]int{Skipped: 1, Passed: 2, Warned: 3, Unknown: 4, Failed: 5}

// Known returns s if it is one of the five, else Unknown.
func (s Status) Known() Status {
	if weight[s] == 0 {
		return Unknown
	}
	return s
}

// Holds reports whether there is nothing to wait for or to fix: s is Passed, Warned or Skipped.
func (s Status) Holds() bool { return s == Passed || s == Warned || s == Skipped }

// String returns the word of one of the five.
func (s Status) String() string { return string(s.Known()) }

// MarshalText writes one of the five words.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.Known()), nil }

// UnmarshalText reads a status; any word but the five is Unknown, not an error.
func (s *Status) UnmarshalText(text []byte) error {
	*s = Status(text).Known()
	return nil
}

// Worst returns the gravest of the statuses: Failed, Unknown, Warned, Passed, Skipped, in this order. Without statuses
// it is Skipped: nothing was checked.
func Worst(statuses ...Status) Status {
	worst := Skipped
	for _, s := range statuses {
		if s = s.Known(); weight[s] > weight[worst] {
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

// Result is the answer of one check. The probers of this package, and [Run], [Ladder], [Retry] and [Explain] for every
// other prober, return it ready to be shown: each text is one line of at most 2048 bytes without control characters, and
// Status is one of the five.
type Result struct {
	Check   string        // stable name of the check, e.g. "istiod-synced": documentation links to it
	Target  string        // what was looked at, e.g. "istiod-1 of cluster-2"
	Status  Status        // the verdict
	Took    time.Duration // wall time of the check
	Summary string        // one sentence of evidence
	Hint    string        // the next step for the user; empty when Passed
	Err     error         // the failure behind Failed or Unknown, if there was one
}

// Clean returns r ready to be shown. It is the one door through which text of servers, certificates, commands and pods
// enters a Result; call it for Results that you make without a prober of this package. It is idempotent.
func (r Result) Clean() Result {
	if given := r.Status; given.Known() != given {
		r.Status = Unknown
		if r.Summary == "" {
			r.Summary = fmt.Sprintf("the prober returned %q, which is not a status", string(given))
		}
		if r.Hint == "" {
			r.Hint = "this is a defect of the prober: let it return one of the five statuses"
		}
	}
	r.Check, r.Target = line(r.Check), line(r.Target)
	r.Summary, r.Hint = prose(r.Summary), prose(r.Hint)
	r.Err = cleanError(r.Err)
	return r
}

// String returns the result as one line.
func (r Result) String() string {
	r = r.Clean()
	text := fmt.Sprintf("%s %s: %s", r.Check, r.Status, r.Summary)
	if r.Hint != "" {
		text += "; next: " + r.Hint
	}
	return text
}

// LogValue implements [slog.LogValuer].
func (r Result) LogValue() slog.Value {
	r = r.Clean()
	attrs := []slog.Attr{
		slog.String("check", r.Check), slog.String("target", r.Target), slog.String("status", r.Status.String()),
		slog.Duration("took", r.Took), slog.String("summary", r.Summary), slog.String("hint", r.Hint),
	}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	return slog.GroupValue(attrs...)
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
	r = r.Clean()
	w := wireResult{r.Check, r.Target, r.Status, r.Took, r.Summary, r.Hint, ""}
	if r.Err != nil {
		w.Error = r.Err.Error()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. The error has the same text but no longer its type.
func (r *Result) UnmarshalJSON(data []byte) error {
	var w wireResult
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Result{w.Check, w.Target, w.Status, w.Took, w.Summary, w.Hint, nil}
	if w.Error != "" {
		r.Err = errors.New(w.Error)
	}
	*r = r.Clean()
	return nil
}
