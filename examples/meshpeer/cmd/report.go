package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// report prints what a call did and saw, and for each link that is not well what to run next. Its error is the exit code.
func (a *app) report(ctx context.Context, r *peering.Report, err error, looking bool) error {
	if r == nil {
		return err
	}
	var names []string
	for _, l := range r.Links {
		if looking {
			names = append(names, l.From.String()+"/"+l.To.String())
		}
		for _, c := range l.Changes {
			if !looking && c.Action != peering.Unchanged {
				names = append(names, c.On.String()+"/"+c.Object)
			}
		}
	}
	if failed := a.print(r, names, func(wide bool) error { return a.reportTable(r, wide, looking) }); failed != nil {
		return failed
	}
	done := &outcome{code: codeOfReport(r, looking)}
	if a.output != "wide" {
		a.problems(r)
	}
	for _, l := range r.Links {
		if a.gaveUp(l) {
			continue
		}
		for _, line := range a.nextOfLink(ctx, l, looking) {
			done.add(line)
		}
	}
	if a.lost != (peering.ID{}) {
		fmt.Fprintf(a.err, "\n%s was not asked: what its links left there cannot be seen. If it comes back, remove them with its context; everything is labelled %s=%s\n",
			a.lost, peering.LabelManagedBy, peering.ManagedBy)
		done.code = worse(done.code, unknown)
		done.add(a.line("remove", "--context", a.lost.String()+"=ITS-CONTEXT"))
	}
	if lost := a.writeReports(r); lost != nil {
		done.code, done.err = failed, lost
	}
	if done.code == fine && len(done.next) == 0 {
		return nil
	}
	return done
}

// reportTable is a line per link; wide is all that the report says.
func (a *app) reportTable(r *peering.Report, wide, looking bool) error {
	if wide {
		var text strings.Builder
		_ = r.WriteText(&text) // a builder takes all
		_, err := io.WriteString(a.out, translate(text.String()))
		return err
	}
	third := "CHANGES"
	if looking {
		third = "ISTIODS"
	}
	t := ui.Table{Headers: a.headers("FROM", "TO", "STATUS", third, "CREDENTIAL", "RENEW BEFORE")}
	for _, l := range r.Links {
		said := changes(l)
		if looking {
			said = istiods(l)
		}
		credential, renew := "-", "-"
		if ref := l.Credential; ref != nil {
			credential = cmp.Or(ref.Name, ref.Fingerprint)
		}
		if !l.RenewAt.IsZero() && l.Error == nil {
			renew = l.RenewAt.UTC().Format(time.RFC3339)
		}
		status := l.Status
		if a.gaveUp(l) {
			status = probe.Unknown
		}
		t.Row(l.From.String(), l.To.String(), a.out.Status(status), said, credential, renew)
	}
	_, err := t.WriteTo(a.out)
	return err
}

// changes are counted by what was done.
func changes(l peering.LinkReport) string {
	counts := map[string]int{}
	var order []string
	count := func(word string) {
		if counts[word]++; counts[word] == 1 {
			order = append(order, word)
		}
	}
	for _, c := range l.Changes {
		if c.Action != peering.Unchanged {
			count(string(c.Action))
		}
	}
	for range l.Undone {
		count("undone")
	}
	for range l.Left {
		count("left")
	}
	for i, word := range order {
		order[i] = fmt.Sprintf("%d %s", counts[word], word)
	}
	return cmp.Or(strings.Join(order, ", "), "none")
}

// istiods are those of From that read To, of those there are.
func istiods(l peering.LinkReport) string {
	synced, all := 0, 0
	for _, r := range l.Results {
		if r.Check != "istiod-synced" {
			continue
		}
		if all++; r.Status == probe.Passed {
			synced++
		}
	}
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", synced, all)
}

// problems tells of each link what is not well, on standard error: the table has no room for it.
func (a *app) problems(r *peering.Report) {
	say := func(colour, word, format string, args ...any) {
		fmt.Fprintf(a.err, "  %s %s\n", a.err.Paint(colour, word), a.words(fmt.Sprintf(format, args...)))
	}
	for _, l := range r.Links {
		if a.gaveUp(l) || l.Error == nil && l.Status == probe.Passed && len(l.Left)+len(l.Undone)+len(l.Warnings) == 0 {
			continue
		}
		fmt.Fprintf(a.err, "\n%s -> %s\n", l.From, l.To)
		if l.Error != nil {
			say(ui.Red, "failed", "at %s on %s: %s", l.Error.Stage, l.Error.On, strings.TrimPrefix(cause(l.Error), "peering: "))
			if l.Error.Hint != "" {
				say(ui.Dim, "hint", "%s", l.Error.Hint)
			}
		}
		for _, c := range l.Undone {
			say(ui.Yellow, "undone", "%s of %s: %s", c.Object, c.On, c.Action)
		}
		for _, c := range l.Left {
			say(ui.Yellow, "left", "%s of %s%s", c.Object, c.On, colon(c.Reason))
		}
		for _, one := range l.Results {
			if one.Status == probe.Passed || l.Error != nil && one.Status == probe.Failed {
				continue
			}
			say(colours[one.Status], string(one.Status), "%s of %s%s%s", one.Check, one.Target, colon(one.Summary), semicolon(one.Hint))
		}
		for _, text := range l.Warnings {
			say(ui.Yellow, "warning", "%s", text)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.Warnings)) {
		for _, text := range r.Warnings[id] {
			fmt.Fprintf(a.err, "\n%s: its API server warns: %s\n", id, text)
		}
	}
}

var colours = map[probe.Status]string{probe.Failed: ui.Red, probe.Unknown: ui.Yellow, probe.Warned: ui.Yellow, probe.Skipped: ui.Dim}

// nextOfLink are the commands that a link asks for.
func (a *app) nextOfLink(ctx context.Context, l peering.LinkReport, looking bool) []string {
	switch {
	case l.Error != nil && ctx.Err() != nil:
		return []string{a.again()}
	case l.Error != nil:
		return a.next(l.Error)
	case l.Status == probe.Unknown && a.verb == "status":
		return []string{a.line("verify")}
	case l.Status == probe.Unknown && looking:
		return []string{a.line("check")}
	case l.Status == probe.Unknown, len(l.Left) > 0:
		return []string{a.line("status")}
	}
	return nil
}

// gaveUp says that a link failed at nothing but the cluster that the user gave up.
func (a *app) gaveUp(l peering.LinkReport) bool {
	return a.lost != (peering.ID{}) && l.Error != nil && l.Error.On == a.lost && !slices.ContainsFunc(l.Left, func(c peering.Change) bool { return c.On != a.lost })
}

func cause(e *peering.Error) string {
	if e.Err == nil {
		return "no reason is given"
	}
	return e.Err.Error()
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func semicolon(text string) string {
	if text == "" {
		return ""
	}
	return "; " + text
}
