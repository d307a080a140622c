package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// checked is what the preflight found of a link.
type checked struct {
	From     peering.ID          `json:"from"`
	To       peering.ID          `json:"to"`
	Findings []preflight.Finding `json:"findings"`
	Error    *peering.Error      `json:"error,omitempty"`
}

// check is the preflight: what would stop a link, and what would stop calls over it.
func (a *app) check() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "check", Short: "Find out before anything is written what would not work", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Makes every check of the preflight that ensure makes before it writes, and prints what did not pass, with what to do about it;
-o wide prints what could not be seen in full, too. Checks of --tolerate do not count for the exit code. Changes nothing. docs/preflight.md explains each check.`,
		Example: `  {meshpeer} check --context east --context west
  {meshpeer} check --context east --context west --flavour upstream -o wide`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, links, err := a.begin(c.Context())
			if err != nil {
				return err
			}
			plan, err := p.Plan(c.Context(), peering.Present, links...)
			if err != nil {
				return err
			}
			return a.checked(plan)
		},
	}, a.sets.members, a.sets.link)
	a.outputFlags(c)
	return c
}

// checked prints the findings of all links.
func (a *app) checked(plan *peering.Plan) error {
	all := make([]checked, len(plan.Links))
	done := &outcome{}
	var names []string
	for i, l := range plan.Links {
		one := checked{From: l.From, To: l.To, Findings: l.Findings, Error: l.Error}
		var blocked *peering.PreflightError
		if l.Error != nil && errors.As(l.Error, &blocked) {
			one.Error = nil // the findings say it
			if len(one.Findings) == 0 {
				one.Findings = blocked.Findings
			}
		}
		for _, f := range one.Findings {
			names = append(names, f.ID)
			if !slices.Contains(a.link.tolerate, f.ID) {
				done.code = worse(done.code, codeOfFinding(f))
			}
		}
		if one.Error != nil {
			done.code = worse(done.code, codeOf(one.Error, true))
			for _, line := range a.next(one.Error) {
				done.add(line)
			}
		}
		all[i] = one
	}
	if err := a.print(all, names, func(wide bool) error { return a.findings(all, wide) }); err != nil {
		return err
	}
	switch done.code {
	case fine:
		done.add(a.line("ensure", "--dry-run"))
	case found, unknown:
		switch {
		case len(done.next) > 0:
		case a.output == "wide":
			done.add(a.again()) // when it was seen to
		default:
			done.add(a.line("check", "-o", "wide"))
		}
	}
	return done
}

// codeOfFinding counts what blocks, or could: a warning is for whoever reads it.
func codeOfFinding(f preflight.Finding) int {
	switch {
	case f.Status == probe.Failed:
		return found
	case f.Status == probe.Unknown && f.Severity == preflight.Blocks:
		return unknown
	}
	return fine
}

// findings is a line for each, with its remedy below; what nobody could see is only counted unless wide.
func (a *app) findings(all []checked, wide bool) error {
	var b strings.Builder
	for i, one := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s -> %s\n", one.From, one.To)
		if one.Error != nil {
			fmt.Fprintf(&b, "  %s  cannot be checked: %s on %s: %s\n", a.out.Status(probe.Failed), one.Error.Stage, one.Error.On, a.words(cause(one.Error)))
		}
		unseen, shown := 0, 0
		for _, f := range one.Findings {
			if f.Status == probe.Unknown && !wide {
				unseen++
				continue
			}
			shown++
			fmt.Fprintf(&b, "  %s  %s of %s%s\n", a.out.Status(f.Status), a.out.Paint(ui.Bold, f.ID), f.Subject, colon(a.words(f.Evidence)))
			if f.Remedy != "" {
				fmt.Fprintf(&b, "          %s\n", a.words(f.Remedy))
			}
		}
		if shown == 0 && one.Error == nil {
			fmt.Fprintf(&b, "  %s  nothing was found that would not work\n", a.out.Status(probe.Passed))
		}
		if unseen > 0 {
			fmt.Fprintf(&b, "  %s could not be made: -o wide shows them\n", count(unseen, "check"))
		}
	}
	_, err := a.out.Write([]byte(b.String()))
	return err
}
