package peering

import (
	"maps"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// view is the report as its forms show it: every text has passed printed. Verdicts are of the report as it is, before a
// text is cleaned: what only looks like a schema or a status is none.
func (r *Report) view() *page.Report {
	clean := r.printed()
	v := &page.Report{
		Status: r.Status(), Unknown: r.unknowable(), Goal: string(clean.Goal), Changed: r.Changed(), Took: r.Took, RenewAt: r.RenewAt(),
		Links: mapped(clean.Links, LinkReport.view),
	}
	for _, cluster := range slices.Sorted(maps.Keys(clean.Warnings)) {
		v.Warnings = append(v.Warnings, page.Warnings{Cluster: cluster, Texts: clean.Warnings[cluster]})
	}
	return v
}

func (l LinkReport) view() page.Link {
	return page.Link{
		From: l.From.String(), To: l.To.String(), Status: l.verdict(), RenewAt: l.RenewAt, Warnings: l.Warnings,
		Findings: mapped(l.Findings, viewOfFinding), Results: mapped(l.Results, viewOfResult),
		Changes: mapped(l.Changes, Change.view), Undone: mapped(l.Undone, Change.view), Left: mapped(l.Left, Change.view),
		Error: l.Error.view(), Credential: viewOfRef(l.Credential),
	}
}

func (p *Plan) view() *page.Plan {
	clean := p.printed()
	return &page.Plan{Digest: p.Digest(), Goal: string(clean.Goal), Empty: p.Empty(), Links: mapped(clean.Links, LinkPlan.view)}
}

func (l LinkPlan) view() page.LinkPlan {
	return page.LinkPlan{
		From: l.From.String(), To: l.To.String(), Intent: l.Intent.view(), Error: l.Error.view(), Steps: mapped(l.Steps, Step.view),
		OverGrants: l.OverGrants, Findings: mapped(l.Findings, viewOfFinding), Warnings: l.Warnings,
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

func mapped[T, V any](all []T, view func(T) V) []V {
	out := make([]V, len(all))
	for i, one := range all {
		out[i] = view(one)
	}
	return out
}

// utc is a moment for a person; "" for none.
func utc(t time.Time) string { return page.UTC(t) }
