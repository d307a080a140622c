package peering

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Text of others passes the door in this file twice: where it enters a report, plan, event or error, and again where a
// value becomes a page or JSON, for a value may come from a file that somebody edited.

const (
	textsLimit = 64 // of a list of texts, which a server could make as long as it likes
)

// line is for names and words, prose for sentences, of which several may have been joined.
func line(text string) string  { return printable.Line(text) }
func prose(text string) string { return printable.Prose(text) }

// word is for one of a set, such as a status: what is changed here stands in quotes, so that it becomes none of the set.
func word[T ~string](text T) T {
	clean := line(string(text))
	if clean != string(text) {
		return T(`"` + clean + `"`)
	}
	return text
}

// texts cleans a list of sentences and keeps the first of many.
func texts(all []string) []string {
	if all == nil {
		return nil
	}
	clean := make([]string, 0, min(len(all), textsLimit+1))
	for i, text := range all {
		if i == textsLimit && len(all) > textsLimit+1 {
			return append(clean, fmt.Sprintf("and %d more", len(all)-i))
		}
		clean = append(clean, prose(text))
	}
	return clean
}

// diffLine is prose that still tells two texts apart of which only a part is shown: the digest of a plan counts it.
func diffLine(text string) string {
	if prose(text) == text {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s (sha256 %x)", printable.Within(text, 3*printable.Limit), sum[:4])
}

// printedError has a text that fits on a page; errors.Is and errors.As find all of the error behind it. Printers that follow
// fields do not: a server may have put a credential into its answer.
type printedError struct {
	text  string
	cause func() error
}

func (e *printedError) Error() string { return e.text }

func (e *printedError) Unwrap() error { return e.cause() }

// printedErr returns err with a text of one line. nil stays nil.
func printedErr(err error) error {
	if done, ok := err.(*printedError); ok || err == nil {
		if done == nil {
			return nil
		}
		return done
	}
	return &printedError{oneLine(err), func() error { return err }}
}

// oneLine is the text of err; errors that errors.Join put on lines of their own stand behind each other.
func oneLine(err error) string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return prose(err.Error())
	}
	var parts, raw []string
	for _, e := range joined.Unwrap() {
		parts, raw = append(parts, oneLine(e)), append(raw, e.Error())
	}
	if err.Error() != strings.Join(raw, "\n") {
		return prose(err.Error())
	}
	return prose(strings.Join(parts, "; "))
}

func (c Change) printed() Change {
	c.Stage, c.Object, c.Action, c.Reason = word(c.Stage), line(c.Object), word(c.Action), prose(c.Reason)
	return c
}

func (s Step) printed() Step {
	s.Change, s.UID, s.Undo = s.Change.printed(), line(s.UID), prose(s.Undo)
	s.Diff = each(s.Diff, diffLine)
	return s
}

func (e Event) printed() Event {
	e.Change, e.Error = e.Change.printed(), prose(e.Error)
	return e
}

func (r AuditRecord) printed() AuditRecord {
	r.Change, r.Actor, r.ClusterUID, r.Error = r.Change.printed(), line(r.Actor), line(r.ClusterUID), prose(r.Error)
	return r
}

func (g Grant) printed() Grant {
	g.ServiceAccount, g.Kind, g.Object, g.LastUsed = line(g.ServiceAccount), word(g.Kind), line(g.Object), line(g.LastUsed)
	g.MadeBy, g.Link, g.Fingerprint, g.Holders = line(g.MadeBy), line(g.Link), line(g.Fingerprint), each(g.Holders, line)
	return g
}

func (e *Error) printed() *Error {
	if e == nil {
		return nil
	}
	return &Error{From: e.From, To: e.To, Stage: word(e.Stage), On: e.On, Err: printedErr(e.Err), Hint: prose(e.Hint)}
}

func printedResult(r probe.Result) probe.Result {
	r.Check, r.Target, r.Status, r.Summary, r.Hint = line(r.Check), line(r.Target), word(r.Status), prose(r.Summary), prose(r.Hint)
	r.Err = printedErr(r.Err)
	return r
}

func printedFinding(f preflight.Finding) preflight.Finding {
	f.Schema, f.ID, f.Severity, f.Status = line(f.Schema), line(f.ID), word(f.Severity), word(f.Status)
	f.Subject, f.Evidence, f.Remedy = line(f.Subject), prose(f.Evidence), prose(f.Remedy)
	return f
}

func printedRef(r secrets.Ref) secrets.Ref {
	r.Kind, r.Namespace, r.Name, r.UID, r.Fingerprint = word(r.Kind), line(r.Namespace), line(r.Name), line(r.UID), line(r.Fingerprint)
	r.ServiceAccount, r.ServiceAccountUID, r.Warnings = line(r.ServiceAccount), line(r.ServiceAccountUID), texts(r.Warnings)
	return r
}

func (l LinkReport) printed() LinkReport {
	l.Status = word(l.Status)
	l.Changes, l.Undone, l.Left = each(l.Changes, Change.printed), each(l.Undone, Change.printed), each(l.Left, Change.printed)
	l.Findings, l.Results = each(l.Findings, printedFinding), each(l.Results, printedResult)
	l.Warnings, l.Error = texts(l.Warnings), l.Error.printed()
	if l.Credential != nil {
		ref := printedRef(*l.Credential)
		l.Credential = &ref
	}
	return l
}

func (r *Report) printed() *Report {
	clean := *r
	clean.Schema, clean.Goal, clean.Links = line(r.Schema), word(r.Goal), each(r.Links, LinkReport.printed)
	if r.Warnings != nil {
		clean.Warnings = make(map[string][]string, len(r.Warnings))
		for _, cluster := range slices.Sorted(maps.Keys(r.Warnings)) {
			key := line(cluster)
			clean.Warnings[key] = append(clean.Warnings[key], texts(r.Warnings[cluster])...)
		}
	}
	return &clean
}

func (l LinkPlan) printed() LinkPlan {
	l.Intent = l.Intent.printed()
	l.Steps, l.Findings = each(l.Steps, Step.printed), each(l.Findings, printedFinding)
	l.OverGrants, l.Warnings, l.Error = texts(l.OverGrants), texts(l.Warnings), l.Error.printed()
	return l
}

func (p *Plan) printed() *Plan {
	clean := *p
	clean.Schema, clean.Goal, clean.Links = line(p.Schema), word(p.Goal), each(p.Links, LinkPlan.printed)
	return &clean
}

func each[T any](all []T, do func(T) T) []T {
	if all == nil {
		return nil
	}
	out := make([]T, len(all))
	for i, one := range all {
		out[i] = do(one)
	}
	return out
}

// MarshalJSON writes the report with every text in a form that is fit to be printed.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report // has no methods
	return json.Marshal((*plain)(r.printed()))
}

// UnmarshalJSON reads what MarshalJSON wrote. A file may have been edited: its texts are cleaned again.
func (r *Report) UnmarshalJSON(data []byte) error {
	type plain Report
	var read plain
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*r = *(*Report)(&read).printed()
	return nil
}

// MarshalJSON writes the plan with every text in a form that is fit to be printed. The digest stays the same.
func (p Plan) MarshalJSON() ([]byte, error) {
	type plain Plan
	return json.Marshal((*plain)(p.printed()))
}
