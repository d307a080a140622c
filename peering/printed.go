package peering

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Text of others passes the door in this file twice: where it enters a report, plan, event or error, and again where a
// value becomes a page or JSON, for a value may come from a file that somebody edited.

// line is for names and words, prose for sentences, of which several may have been joined.
func line(text string) string  { return printable.Line(text) }
func prose(text string) string { return printable.Prose(text) }

func texts(all []string) []string { return printable.Texts(all) }
func printedErr(err error) error  { return printable.Sealed(err) }
func oneLine(err error) string    { return printable.Joined(err) }

// word is for one of a set, such as a status: what is changed here stands in quotes, so that it becomes none of the set.
func word[T ~string](text T) T {
	clean := line(string(text))
	if clean != string(text) {
		return T(`"` + clean + `"`)
	}
	return text
}

// diffLine is prose that still tells two texts apart of which only a part is shown: the digest of a plan counts it.
func diffLine(text string) string {
	if prose(text) == text {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s (sha256 %x)", printable.Within(text, 3*printable.Limit), sum[:4])
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

func (g Credential) printed() Credential {
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

func each[T, V any](all []T, do func(T) V) []V {
	if all == nil {
		return nil
	}
	out := make([]V, len(all))
	for i, one := range all {
		out[i] = do(one)
	}
	return out
}

func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report // has no methods
	return json.Marshal((*plain)(r.printed()))
}

func (r *Report) UnmarshalJSON(data []byte) error {
	type plain Report
	var read plain
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*r = *(*Report)(&read).printed()
	return nil
}

func (p Plan) MarshalJSON() ([]byte, error) {
	type plain Plan
	return json.Marshal((*plain)(p.printed()))
}

// view is the report as its forms show it: every text has passed printed. Verdicts are of the report as it is, before a
// text is cleaned: what only looks like a schema or a status is none.
func (r *Report) view() *page.Report {
	clean := r.printed()
	v := &page.Report{
		Status: r.Status(), Unknown: r.unknowable(), Goal: string(clean.Goal), Changed: r.Changed(), Took: r.Took, RenewAt: r.RenewAt(),
		Links: each(clean.Links, LinkReport.view),
	}
	for _, cluster := range slices.Sorted(maps.Keys(clean.Warnings)) {
		v.Warnings = append(v.Warnings, page.Warnings{Cluster: cluster, Texts: clean.Warnings[cluster]})
	}
	return v
}

func (l LinkReport) view() page.Link {
	return page.Link{
		From: l.From.String(), To: l.To.String(), Status: l.verdict(), RenewAt: l.RenewAt, Warnings: l.Warnings,
		Findings: each(l.Findings, viewOfFinding), Results: each(l.Results, viewOfResult),
		Changes: each(l.Changes, Change.view), Undone: each(l.Undone, Change.view), Left: each(l.Left, Change.view),
		Error: l.Error.view(), Credential: viewOfRef(l.Credential),
	}
}

func (p *Plan) view() *page.Plan {
	clean := p.printed()
	return &page.Plan{Digest: p.Digest(), Goal: string(clean.Goal), Empty: p.Empty(), Links: each(clean.Links, LinkPlan.view)}
}

func (l LinkPlan) view() page.LinkPlan {
	return page.LinkPlan{
		From: l.From.String(), To: l.To.String(), Intent: l.Intent.view(), Error: l.Error.view(), Steps: each(l.Steps, Step.view),
		OverGrants: l.OverGrants, Findings: each(l.Findings, viewOfFinding), Warnings: l.Warnings,
	}
}

// view is what somebody reviews: where the credential goes, which one it is, and whom it speaks for.
func (i *Intent) view() []page.Field {
	if i == nil || i.Account == "" {
		return nil
	}
	return i.fields(false)
}

func (c Change) view() page.Change {
	return page.Change{Stage: string(c.Stage), On: c.On.String(), Object: c.Object, Action: string(c.Action), Reason: c.Reason}
}

func (s Step) view() page.Step { return page.Step{Change: s.Change.view(), Undo: s.Undo, Diff: s.Diff} }

func (e *Error) view() *page.Failure {
	if e == nil {
		return nil
	}
	return &page.Failure{Stage: string(e.Stage), On: e.On.String(), Cause: e.cause(), Hint: e.Hint}
}

func viewOfFinding(f preflight.Finding) page.Result { return viewOfResult(f.Result()) }

func viewOfResult(r probe.Result) page.Result {
	v := page.Result{Check: r.Check, Target: r.Target, Status: r.Status, Took: r.Took, Summary: r.Summary, Hint: r.Hint}
	if r.Err != nil {
		v.Err = oneLine(r.Err)
	}
	return v
}

func viewOfRef(r *secrets.Ref) *page.Credential {
	if r == nil {
		return nil
	}
	return &page.Credential{
		Kind: string(r.Kind), Namespace: r.Namespace, Name: r.Name, ServiceAccount: r.ServiceAccount, Fingerprint: r.Fingerprint,
		Generation: r.Generation, Expires: r.Expires, Warnings: r.Warnings,
	}
}
