package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// showPlan prints what a verb would do.
func (a *app) showPlan(ctx context.Context, p *peering.Peering, goal peering.Goal, links []peering.Link) error {
	plan, err := p.Plan(ctx, goal, links...)
	if err != nil {
		return err
	}
	return a.printPlan(plan)
}

// printPlan prints a plan; the code tells whether it has changes, or cannot be made.
func (a *app) printPlan(plan *peering.Plan) error {
	var names []string
	for _, s := range plan.Steps() {
		if s.Action != peering.Unchanged && s.Action != peering.Verified {
			names = append(names, s.On.String()+"/"+s.Object)
		}
	}
	if err := a.print(plan, names, func(wide bool) error { return a.planText(plan, wide) }); err != nil {
		return err
	}
	return a.codeOfPlan(plan)
}

// planText is the plan for a reader. What the preflight could not see is for check, unless wide.
func (a *app) planText(plan *peering.Plan, wide bool) error {
	shown, unseen := *plan, 0
	if !wide {
		shown.Links = slices.Clone(plan.Links)
		for i := range shown.Links {
			l := &shown.Links[i]
			seen := slices.DeleteFunc(slices.Clone(l.Findings), func(f preflight.Finding) bool { return f.Status == probe.Unknown })
			unseen += len(l.Findings) - len(seen)
			l.Findings = seen
		}
	}
	var text strings.Builder
	_ = shown.WriteText(&text) // a builder takes all
	if _, err := io.WriteString(a.out, translate(text.String())); err != nil {
		return err
	}
	if unseen > 0 {
		fmt.Fprintf(a.err, "%s of the preflight could not be made: %s shows them\n", count(unseen, "check"), a.line("check", "-o", "wide"))
	}
	return nil
}

func (a *app) codeOfPlan(plan *peering.Plan) error {
	done := &outcome{}
	for _, l := range plan.Links {
		if l.Error == nil {
			continue
		}
		done.code = worse(done.code, codeOf(l.Error, false))
		for _, line := range a.next(l.Error) {
			done.add(line)
		}
	}
	switch {
	case done.code != fine:
		return done
	case plan.Empty():
		return nil
	}
	return ended(found)
}
