package peering

import (
	"context"
)

// steps is the flow: what the goal takes, in order. Every step says what it would change before it does it; the list is
// what is executed, what observers are told and what undo walks backwards.
func (w *work) steps() []step {
	switch {
	case w.goal == verified:
		return flow(w.checkSecret(), w.checkToken(), w.checkRights(), w.awaitSync(), w.climb())
	case w.From.Hosted:
		return flow(w.awaitSync())
	case w.goal == Absent:
		return flow(
			w.unshare(),
			w.awaitGone(),
			w.revokeAll(),
			w.drop(w.want.localBinding, w.live.localBinding), w.drop(w.want.localRole, w.live.localRole), w.dropStrays(),
			w.drop(w.want.binding, w.live.binding), w.drop(w.want.role, w.live.role), w.drop(w.want.account, w.live.account),
			w.awaitRefused(),
		)
	default: // Present, and Rotated, which finds no credential good
		return flow(
			w.put(w.want.account, w.live.account), w.put(w.want.role, w.live.role), w.put(w.want.binding, w.live.binding),
			w.put(w.want.localRole, w.live.localRole), w.put(w.want.localBinding, w.live.localBinding),
			w.mint(),
			w.share(),
			w.restart(),
			w.awaitSync(),
			w.guard(),
			w.revokeOld(), w.dropStrays(),
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

// step is one change or one check: what a plan shows, and how it is done. do is nil when there is nothing to do. The undo
// that do returns counts also when do fails: it undoes the part that was done.
type step struct {
	Step
	kind kind
	do   func(context.Context) (undo func(context.Context) error, err error)
}

// flow joins the parts of the list; a part may be of no step, when the mode of the link has no use for it.
func flow(parts ...[]step) []step {
	var all []step
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
