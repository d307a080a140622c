package peering

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// DriftError says that a plan no longer fits: what moved since it was made.
type DriftError struct {
	Planned, Live string   // digests
	Moved         []string // lines of - (planned) and + (now), in full
}

// driftLimit is the longest line of what moved that the text shows.
const driftLimit = 120

// Error names each thing that moved in one short line.
func (e *DriftError) Error() string {
	lines := texts(e.Moved)
	for i, text := range lines {
		lines[i] = printable.Within(text, driftLimit)
	}
	return fmt.Sprintf("peering: the plan no longer fits the clusters (digest %.12s, now %.12s); plan again:\n%s",
		line(e.Planned), line(e.Live), strings.Join(lines, "\n"))
}

func moved(planned, live *Plan) error {
	drift := &DriftError{Planned: planned.Digest(), Live: live.Digest()}
	if drift.Planned == drift.Live {
		return nil
	}
	for i := range planned.Links {
		before, now := planned.Links[i], live.Links[i]
		drift.Moved = append(drift.Moved, before.movedTo(now)...)
	}
	return drift
}

// movedTo tells in short lines what of a link differs: what it is to be, and its steps.
func (l LinkPlan) movedTo(now LinkPlan) (moved []string) {
	link := fmt.Sprintf("%s -> %s: ", l.From, l.To)
	had, has := l.facts(), now.facts()
	for _, fact := range had {
		if !slices.Contains(has, fact) {
			moved = append(moved, "- "+link+fact)
		}
	}
	for _, fact := range has {
		if !slices.Contains(had, fact) {
			moved = append(moved, "+ "+link+fact)
		}
	}
	if len(moved) == 0 && !slices.Equal(l.lines(), now.lines()) {
		moved = append(moved, fmt.Sprintf("~ %sthe order of its steps, or how often each is there", link))
	}
	return moved
}

// facts are what counts of a link in the words of a person, each in a line.
func (l LinkPlan) facts() (facts []string) {
	if l.Error != nil {
		return []string{fmt.Sprintf("cannot be planned: %s on %s: %s", l.Error.Stage, l.Error.On, l.Error.cause())}
	}
	if l.Intent != nil {
		for _, f := range l.Intent.fields(true) {
			facts = append(facts, f.Name+" "+f.Value)
		}
	}
	for _, s := range l.Steps {
		text := fmt.Sprintf("%s %s on %s", s.Action, s.Object, s.On)
		if s.UID != "" {
			text += " (UID " + s.UID + ")"
		}
		facts = append(facts, text)
		for _, d := range s.Diff {
			facts = append(facts, s.Object+": "+d)
		}
	}
	return facts
}

// drift is the DriftError of a link that moved while its plan was carried out.
func (r *run) drift(before, now LinkPlan) error {
	of := func(l LinkPlan) *Plan { return &Plan{Schema: PlanSchema, Goal: r.goal, Links: []LinkPlan{l}} }
	return moved(of(before), of(now))
}
