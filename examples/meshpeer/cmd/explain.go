package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/reach"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// explain prints the ladder, and the first rung that does not hold with what to do about it.
func (a *app) explain(ctx context.Context, link peering.Link, p *peering.Peering, w traffic.Workload, report *peering.Report) error {
	l := report.Links[0]
	names := []string{}
	reason := diagnosis(l)
	if reason != nil {
		names = append(names, reason.Check)
	}
	err := a.print(report, names, func(bool) error {
		fmt.Fprintf(a.out, "%s -> %s, %s.%s\n\n", l.From, l.To, w.Service, w.Namespace)
		t := ui.Table{Indent: "  ", Headers: a.headers("RUNG", "STATUS", "TOOK", "SEEN")}
		for _, r := range l.Results {
			t.Row(r.Check, a.out.Status(r.Status), r.Took.Round(10*time.Millisecond).String(), r.Target+colon(a.words(r.Summary)))
		}
		for _, check := range ladder(link, p.Workload) {
			if !slices.ContainsFunc(l.Results, func(r probe.Result) bool { return r.Check == check }) {
				t.Row(check, "-", "", "not tried")
			}
		}
		_, err := t.WriteTo(a.out)
		return err
	})
	if err != nil {
		return err
	}
	done := &outcome{code: codeOfLink(l, true)}
	for _, text := range l.Warnings {
		fmt.Fprintf(a.err, "%s %s\n", a.err.Paint(ui.Yellow, "warning:"), a.words(text))
	}
	a.sayReason(l, reason)
	for _, line := range a.nextAfter(ctx, l, reason) {
		done.add(line)
	}
	if lost := a.writeReports(report); lost != nil {
		done.code, done.err = failed, lost
	}
	return done
}

// ladder are the names of all rungs, also of those above one that failed.
func ladder(link peering.Link, above traffic.Check) (checks []string) {
	if !link.From.Hosted {
		checks = []string{"remote-secret", "credential", "rights", "istiod-synced"}
	}
	for _, rung := range above.Rungs(link.Sides()) {
		checks = append(checks, rung.Check)
	}
	return checks
}

func (a *app) sayReason(l peering.LinkReport, reason *probe.Result) {
	switch {
	case reason == nil && l.Error != nil:
		fmt.Fprintf(a.err, "\n%s at %s on %s: %s\n", a.err.Paint(ui.Red, "reason:"), l.Error.Stage, l.Error.On, a.words(cause(l.Error)))
		if l.Error.Hint != "" {
			fmt.Fprintf(a.err, "hint: %s\n", a.words(l.Error.Hint))
		}
	case reason == nil:
		fmt.Fprintf(a.err, "\n%s every rung holds\n", a.err.Paint(ui.Green, "reached:"))
	case reached(l) && reason.Status == probe.Unknown:
		fmt.Fprintf(a.err, "\n%s %s answers; not everything on the way could be seen: %s%s\n", a.err.Paint(ui.Yellow, "reached:"), l.To, reason.Check, colon(a.words(reason.Summary)))
	default:
		lead := map[probe.Status]string{probe.Warned: "reached, with a warning:", probe.Unknown: "unknown:"}[reason.Status]
		fmt.Fprintf(a.err, "\n%s %s%s\n", a.err.Paint(colours[reason.Status], cmp.Or(lead, "reason:")), reason.Check, colon(a.words(reason.Summary)))
		if reason.Hint != "" {
			fmt.Fprintf(a.err, "hint: %s\n", a.words(reason.Hint))
		}
	}
}

// reached says that the topmost rung holds: the other cluster was seen to answer.
func reached(l peering.LinkReport) bool {
	last := len(l.Results) - 1
	return l.Error == nil && last >= 0 && l.Results[last].Status == probe.Passed && (l.Results[last].Check == "answered-by" || l.Results[last].Check == reach.Check)
}

// diagnosis is the first rung that failed; else the first that could not be seen; else the first with a warning.
func diagnosis(l peering.LinkReport) *probe.Result {
	for _, status := range []probe.Status{probe.Failed, probe.Unknown, probe.Warned} {
		for i, r := range l.Results {
			if r.Status == status {
				return &l.Results[i]
			}
		}
	}
	return nil
}

// nextAfter is a command for the rung: what peering can mend, or the place to look.
func (a *app) nextAfter(ctx context.Context, l peering.LinkReport, reason *probe.Result) []string {
	switch {
	case ctx.Err() != nil:
		return []string{a.again()}
	case reason == nil && l.Error == nil:
		return nil
	case reason == nil:
		return a.next(l.Error)
	case reason.Status == probe.Warned, reached(l):
		return nil
	}
	switch reason.Check {
	case "remote-secret", "credential", "rights":
		if l.Error != nil {
			return a.next(l.Error)
		}
		return []string{a.line("ensure", "--dry-run")}
	case "istiod-synced":
		return []string{a.line("status", "--wait")}
	case "network-gateway":
		return []string{a.line("check"), a.kubectl(l.To, "get service -n "+a.istioNamespace()+" -l istio=eastwestgateway")}
	}
	return []string{a.line("check")}
}
