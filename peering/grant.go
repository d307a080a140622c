package peering

import (
	"context"
	"slices"

	"github.com/meshpeer/meshpeer/internal/apply"
)

// grant makes the reader in To: account, ClusterRole and binding, and where the profile has them a Role and its binding. With an
// existing account there is none to make.
func (t *task) grant() (steps []step) {
	for i, want := range t.want.objects.all() {
		steps = append(steps, t.put(want, t.seen.reader()[i]))
	}
	return steps
}

// reader are the objects of the link's reader, in the order of readerObjects.all.
func (o observed) reader() []Object {
	return []Object{o.account, o.role, o.binding, o.localRole, o.localBinding}
}

// put makes an object as wanted.
func (t *task) put(want, live Object) step {
	s := step{want: want, live: live, Step: Step{Change: Change{Stage: StageGrant, On: t.To.ID, Object: apply.Name(want), Action: Unchanged}}}
	if live == nil {
		s.Action, s.Undo, s.do = Created, "delete it", (*task).create
		return s
	}
	s.UID = string(live.GetUID())
	_, reason, immutable := apply.Merge(live, want)
	if reason == "" && want == t.want.objects.all()[0] && t.seen.abandoned {
		reason = "an earlier run did not finish: this one takes over"
	}
	switch {
	case reason == "":
		return s
	case immutable:
		s.Action, s.do = Recreated, (*task).recreate
	default:
		s.Action, s.do = Updated, (*task).update
	}
	s.Reason, s.Undo = reason, "restore the old content"
	return s
}

func (t *task) create(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Create(ctx, s.want)
	return undo, err
}

func (t *task) update(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Update(ctx, s.live, s.want)
	return undo, err
}

// recreate is for what cannot be updated. Between the two calls the reader has no rights; its watches survive that.
func (t *task) recreate(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Recreate(ctx, s.live, s.want)
	return undo, err
}

// writer of a cluster's objects in the name of this call.
func (t *task) writer(s *snapshot) apply.Writer {
	return apply.Writer{Objects: s.objects, Nonce: t.nonce}
}

// dropReader deletes the reader, its account last: nothing of it is left that would point nowhere.
func (t *task) dropReader() (steps []step) {
	live := t.seen.reader()
	for i, want := range slices.Backward(t.want.objects.all()) {
		s := step{kind: clean, ends: true, live: live[i], Step: Step{Change: Change{Stage: StageRevoke, On: t.To.ID, Object: apply.Name(want), Action: Unchanged, Reason: "not there"}}}
		switch {
		case t.to.err != nil:
			s.Action, s.Reason, s.do = Deleted, "", t.to.cannot
		case s.live != nil:
			s.Action, s.Reason, s.UID, s.do = Deleted, "", string(s.live.GetUID()), (*task).drop
		}
		steps = append(steps, s)
	}
	return steps
}

// dropStrays deletes Roles and RoleBindings of the link that nothing wants any more.
func (t *task) dropStrays() (steps []step) {
	for _, live := range t.seen.strays {
		steps = append(steps, step{kind: clean, ends: true, live: live, do: (*task).drop, Step: Step{
			Change: Change{Stage: StageRevoke, On: t.To.ID, Object: apply.Name(live), Action: Deleted}, UID: string(live.GetUID()),
		}})
	}
	return steps
}

// drop deletes an object of the link's own.
func (t *task) drop(ctx context.Context, s step) (apply.Undo, error) {
	return nil, t.writer(t.to).Delete(ctx, s.live)
}

// cannot is a step in a cluster that does not answer: what is left there is named, and the other side goes on.
func (s *snapshot) cannot(*task, context.Context, step) (apply.Undo, error) { return nil, s.err }
