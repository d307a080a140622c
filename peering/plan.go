package peering

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// PlanSchema is the version of the JSON form of [Plan].
const PlanSchema = "meshpeer.io/plan/v1"

// Plan is what a call would do, link by link, in order. It holds no secret: it can be printed, reviewed, stored as JSON
// and applied by another process, which binds it to its own clusters with [Plan.Bind].
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
	Steps      []Step              `json:"steps"`
	OverGrants []string            `json:"overGrants,omitempty"` // what the role grants beyond need
	Findings   []preflight.Finding `json:"findings,omitempty"`   // of the preflight that are not Passed
	Warnings   []string            `json:"warnings,omitempty"`
	Error      *Error              `json:"error,omitempty"` // why nothing can be planned for this link
}

// Step is one planned change or check.
type Step struct {
	Change
	UID  string   `json:"uid,omitempty"`  // of the live object that the step changes: another one is another plan
	Diff []string `json:"diff,omitempty"` // lines of + and -; what is secret is masked
	Undo string   `json:"undo,omitempty"` // how the step is undone
}

// Plan reads the clusters and says what Apply would do; it writes nothing. The error is about the call; a link that cannot
// be planned says so in its LinkPlan.
func (p *Peering) Plan(ctx context.Context, goal Goal, links ...Link) (*Plan, error) {
	if !goal.valid() {
		return nil, refused("goal", string(goal), "is not a goal of Plan", fmt.Sprintf("use %q, %q or %q", Present, Rotated, Absent))
	}
	c, err := p.prepare(ctx, goal, links)
	if err != nil {
		return nil, err
	}
	return c.plan(), nil
}

// plan is the prepared call as data.
func (c *call) plan() *Plan {
	plan := &Plan{Schema: PlanSchema, Goal: c.goal, Links: make([]LinkPlan, len(c.works))}
	bound := make([]Link, len(c.works))
	for i, w := range c.works {
		l := LinkPlan{From: w.From.ID, To: w.To.ID, OverGrants: w.overGrants, Findings: w.findings, Warnings: w.report.Warnings, Error: w.refused}
		for _, s := range w.planned {
			l.Steps = append(l.Steps, s.Step)
		}
		plan.Links[i], bound[i] = l.printed(), w.Link
	}
	plan.bound = func() []Link { return bound }
	return plan
}

// Steps of all links, in order.
func (p *Plan) Steps() []Step {
	var all []Step
	for _, l := range p.Links {
		all = append(all, l.Steps...)
	}
	return all
}

// Empty says that nothing would be written: the links are as the goal wants them. A plan that is not empty is drift. A plan
// that does not say so of every link (no links, no steps, an error, another schema or goal) is not empty.
func (p *Plan) Empty() bool {
	if p.Schema != PlanSchema || !p.Goal.valid() || len(p.Links) == 0 {
		return false
	}
	return !slices.ContainsFunc(p.Links, func(l LinkPlan) bool {
		return l.Error != nil || len(l.Steps) == 0 || slices.ContainsFunc(l.Steps, Step.writes)
	})
}

// writes says whether a step changes something, as against finding it good or looking at it.
func (s Step) writes() bool { return s.Action != Unchanged && s.Action != Verified }

// Digest identifies what the plan would do, for approval and audit: hex SHA-256. Reasons, warnings and findings do not
// count: they may differ from one look to the next.
func (p *Plan) Digest() string {
	var lines []string
	for _, l := range p.Links {
		lines = append(lines, l.lines()...)
	}
	sum := sha256.Sum256([]byte(string(p.Goal) + "\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// lines are what counts of a link, one per step.
func (l LinkPlan) lines() []string {
	lines := []string{fmt.Sprintf("%s -> %s", l.From, l.To)}
	if l.Error != nil {
		return append(lines, "error at "+string(l.Error.Stage))
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

// Bind gives a plan that was read from JSON the clusters to work on. The links must be those of the plan, in its order.
func (p *Plan) Bind(links ...Link) error {
	if p.Schema != PlanSchema {
		return refused("Plan.Schema", p.Schema, "is not a schema that this version reads", fmt.Sprintf("make the plan again; this version reads %q", PlanSchema))
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
	links = slices.Clone(links)
	p.bound = func() []Link { return links }
	return nil
}

// Apply carries out the plan if the clusters are as they were when it was made and the options are the same. Otherwise
// nothing is written and the error is a *DriftError.
func (p *Peering) Apply(ctx context.Context, plan *Plan) (*Report, error) {
	if plan == nil || plan.bound == nil {
		return nil, errors.New("peering: Apply: the plan has no clusters: make it with Plan, or call Bind on one that was read")
	}
	c, err := p.prepare(ctx, plan.Goal, plan.bound())
	if err != nil {
		return nil, err
	}
	if err := moved(plan, c.plan()); err != nil {
		return nil, err
	}
	return c.execute(ctx)
}

// DriftError says that a plan no longer fits: what moved since it was made.
type DriftError struct {
	Planned, Live string   // digests
	Moved         []string // lines of - (planned) and + (now)
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("peering: the plan no longer fits the clusters (digest %.12s, now %.12s); plan again:\n%s",
		line(e.Planned), line(e.Live), strings.Join(texts(e.Moved), "\n"))
}

func moved(planned, live *Plan) error {
	if planned.Digest() == live.Digest() {
		return nil
	}
	drift := &DriftError{Planned: planned.Digest(), Live: live.Digest()}
	for i := range planned.Links {
		before, now := planned.Links[i].lines(), live.Links[i].lines()
		for _, line := range before {
			if !slices.Contains(now, line) {
				drift.Moved = append(drift.Moved, "- "+line)
			}
		}
		for _, line := range now {
			if !slices.Contains(before, line) {
				drift.Moved = append(drift.Moved, "+ "+line)
			}
		}
	}
	return drift
}
