package peering

import (
	"context"
	"slices"

	"github.com/meshpeer/meshpeer/internal/apply"
)

// steps is the flow: what the goal takes, in order. Every step says what it would change before it does it; the list is
// what is executed, what observers are told and what undo walks backwards.
func (t *task) steps() []step {
	switch {
	case t.goal == verified:
		return flow(t.checkSecret(), t.checkToken(), t.checkRights(), t.awaitSync(), t.climb())
	case t.From.Hosted && t.goal == Absent:
		return flow(t.leaveToHost())
	case t.From.Hosted:
		return flow(t.awaitSync())
	case t.goal == Absent:
		return flow(
			t.unshare(),
			t.awaitGone(),
			t.revokeAll(),
			t.dropStrays(), t.dropReader(),
			t.awaitRefused(),
		)
	default: // Present, and Rotated, which finds no credential good
		return flow(
			t.grant(),
			t.mint(),
			t.share(),
			t.restart(),
			t.awaitSync(),
			t.guard(),
			t.revokeOld(), t.dropStrays(),
			t.awaitRefused(),
		)
	}
}

// kind of a step: what its failure means for the steps before it.
type kind int

const (
	mutate kind = iota // undo them
	verify             // they stay: a slow istiod is not a reason to unpeer
	clean              // they stay, and the other clean steps go on: what is left is named
)

// step is one change or one check: what a plan shows, and how it is done.
type step struct {
	Step
	kind       kind
	want, live Object    // of the object that the step changes
	ends       bool      // a credential, or a right that one needs
	do         operation // nil: there is nothing to do
}

// shown is the step as a plan shows it. Only a plan needs to know the difference in lines.
func (s step) shown() Step {
	if s.want != nil && s.writes() {
		s.Diff = apply.Diff(s.live, s.want)
	}
	return s.Step
}

// operation does a step of a task. The undo that it returns counts also when it fails: it undoes the part that was done.
type operation func(*task, context.Context, step) (apply.Undo, error)

// flow joins the parts of the list; a part may be of no step, when the mode of the link has no use for it.
func flow(parts ...[]step) []step { return slices.Concat(parts...) }

// Step is one planned change or check.
type Step struct {
	Change
	UID  string   `json:"uid,omitempty"`  // of the live object that the step changes: another one is another plan
	Diff []string `json:"diff,omitempty"` // lines of + and -; what is secret is masked
	Undo string   `json:"undo,omitempty"` // how the step is undone
}

// writes says whether a step changes something, as against finding it good or looking at it.
func (s Step) writes() bool { return s.Action != Unchanged && s.Action != Verified }
