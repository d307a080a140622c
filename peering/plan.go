package peering

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/preflight"
)

// Plan is what a call would do, link by link. It holds no secret.
type Plan struct {
	Schema string        `json:"schema"`
	Goal   Goal          `json:"goal"`
	Links  []LinkPlan    `json:"links"`
	bound  func() []Link // nil: none. Printers that follow fields do not enter it: clusters hold credentials
}

// LinkPlan is the part of one link.
type LinkPlan struct {
	From       ID                  `json:"from"`
	To         ID                  `json:"to"`
	Intent     *Intent             `json:"intent,omitempty"` // what the link is to be; nil if that could not be told
	Steps      []Step              `json:"steps"`
	OverGrants []string            `json:"overGrants,omitempty"` // what the role grants beyond need
	Findings   []preflight.Finding `json:"findings,omitempty"`   // of the preflight that are not Passed
	Warnings   []string            `json:"warnings,omitempty"`
	Error      *Error              `json:"error,omitempty"` // why nothing can be planned for this link
}

// Plan reads, and says what Apply would do, or why it cannot for a link.
func (p *Peering) Plan(ctx context.Context, goal Goal, links ...Link) (*Plan, error) {
	if !goal.valid() {
		return nil, refused("goal", string(goal), "is not a goal of Plan", fmt.Sprintf("use %q, %q or %q", Present, Rotated, Absent))
	}
	r, err := p.begin(goal, links)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.prepare(ctx, links); err != nil {
		return nil, err
	}
	return r.plan(), nil
}

// plan is the prepared call as data.
func (r *run) plan() *Plan {
	plan := &Plan{Schema: PlanSchema, Goal: r.goal, Links: make([]LinkPlan, len(r.tasks))}
	bound := make([]Link, len(r.tasks))
	for i, t := range r.tasks {
		plan.Links[i], bound[i] = t.plan(), t.Link
	}
	plan.bound = func() []Link { return bound }
	return plan
}

func (p *Plan) Steps() []Step {
	var all []Step
	for _, l := range p.Links {
		all = append(all, l.Steps...)
	}
	return all
}

// Empty says that every link is seen to be as the goal wants it.
func (p *Plan) Empty() bool {
	if p.Schema != PlanSchema || !p.Goal.valid() || len(p.Links) == 0 {
		return false
	}
	return !slices.ContainsFunc(p.Links, func(l LinkPlan) bool {
		return l.Error != nil || len(l.Steps) == 0 || slices.ContainsFunc(l.Steps, Step.writes)
	})
}

// Digest is the hex SHA-256 of goal, intents and steps, less reasons and undo.
func (p *Plan) Digest() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n", p.Schema, p.Goal)
	for _, l := range p.Links {
		for _, line := range l.lines() {
			io.WriteString(sum, line+"\n")
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// lines are what counts of a link: who, what it is to be, and each step.
func (l LinkPlan) lines() []string {
	lines := []string{fmt.Sprintf("%s -> %s", l.From, l.To)}
	if l.Error != nil {
		return append(lines, "error at "+string(l.Error.Stage))
	}
	if l.Intent != nil {
		lines = append(lines, string(l.Intent.canonical()))
	}
	for _, s := range l.Steps {
		s.Reason, s.Undo = "", ""
		data, err := json.Marshal(s)
		if err != nil {
			panic(err) // strings only
		}
		lines = append(lines, string(data))
	}
	return lines
}

// Bind gives a plan from JSON its clusters: its links, in its order.
func (p *Plan) Bind(links ...Link) error {
	if err := p.fits(links); err != nil {
		return err
	}
	links = slices.Clone(links)
	p.bound = func() []Link { return links }
	return nil
}

// fits says whether the links are those of the plan, and whether it is one.
func (p *Plan) fits(links []Link) error {
	if p.Schema != PlanSchema {
		return refused("Plan.Schema", p.Schema, "is not a schema that this version reads", fmt.Sprintf("make the plan again; this version reads %q", PlanSchema))
	}
	if !p.Goal.valid() {
		return refused("Plan.Goal", string(p.Goal), "is not a goal", fmt.Sprintf("make the plan again; a goal is %q, %q or %q", Present, Rotated, Absent))
	}
	if len(links) != len(p.Links) {
		return fmt.Errorf("peering: plan is of %d links, and %d were given", len(p.Links), len(links))
	}
	for i, l := range links {
		if l.From == nil || l.To == nil {
			return fmt.Errorf("peering: link %d: From or To is nil: make a Cluster with Connect", i)
		}
		if l.From.ID != p.Links[i].From || l.To.ID != p.Links[i].To {
			return fmt.Errorf("peering: link %d of the plan is %s -> %s, and %s was given", i, p.Links[i].From, p.Links[i].To, l)
		}
	}
	return nil
}

// Apply carries out a plan that fits; else nothing is written: a *DriftError.
func (p *Peering) Apply(ctx context.Context, plan *Plan) (*Report, error) {
	if plan == nil || plan.bound == nil {
		return nil, errors.New("peering: Apply: the plan has no clusters: make it with Plan, or call Bind on one that was read")
	}
	links := plan.bound()
	if err := plan.fits(links); err != nil {
		return nil, err
	}
	return p.call(ctx, plan.Goal, links, plan)
}

// DriftError says that a plan no longer fits: what moved since it was made.
type DriftError struct {
	Planned, Live string   // digests
	Moved         []string // lines of - (planned) and + (now), in full
}

// driftLimit is the longest line of what moved that the text shows.
const driftLimit = 120

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
