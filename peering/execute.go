package peering

import (
	"context"
	"errors"
	"time"

	"github.com/meshpeer/meshpeer/internal/apply"
)

// undoTimeout bounds the undo of one link, whatever became of the caller's context.
const undoTimeout = 30 * time.Second

// execute does the steps in order until one fails. A failed mutation undoes what was done for this link.
func (t *task) execute(ctx context.Context) {
	var ledger apply.Ledger
	for _, s := range t.planned {
		start := time.Now()
		undo, err := t.do(ctx, s)
		if undo != nil {
			ledger.Add(apply.Entry{Label: s.Change, Undo: undo, Gate: s.Stage == StageShare})
		}
		t.tell(s.Change, time.Since(start), err)
		t.record(ctx, s.Change, err)
		if err == nil {
			if s.kind != verify {
				t.report.Changes = append(t.report.Changes, s.Change)
			}
			continue
		}
		var kept *keptError
		if t.report.Error == nil && !errors.As(err, &kept) {
			t.report.Error = t.failed(s.Stage, s.On, err)
		}
		switch {
		case s.kind == clean:
			s.Reason = err.Error()
			t.report.Left = append(t.report.Left, s.Change)
			t.exposed = t.exposed || s.Stage == StageShare && t.from.err == nil
		case s.kind == mutate || t.goal == Rotated || t.UndoUnsynced && ctx.Err() == nil:
			t.rollback(ctx, &ledger)
			return
		case t.goal == Absent: // what goes on ends a link, or names what is left of it
		default:
			return
		}
	}
}

// do does one step. The end of the caller's context stops before the next one.
func (t *task) do(ctx context.Context, s step) (apply.Undo, error) {
	switch {
	case s.do == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case s.ends && t.exposed:
		return nil, &keptError{"kept: " + t.secretObject() + " of " + t.From.ID.String() + " may still hold a credential that needs it; call again"}
	}
	return s.do(t, ctx, s)
}

// rollback undoes steps in reverse. It has a time limit of its own: the caller's may be over, and half a link must not stay.
func (t *task) rollback(ctx context.Context, ledger *apply.Ledger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	t.untouched = ledger.Empty()
	var undone []apply.Undone
	if lost := t.lostLock(ctx); lost != nil {
		undone = ledger.Withhold(lost)
	} else {
		undone = ledger.Rollback(ctx)
	}
	whole := true
	for _, u := range undone {
		if errors.Is(u.Err, apply.ErrNothing) {
			continue
		}
		change := u.Entry.Label.(Change)
		if u.Err != nil {
			change.Reason = "undo failed: " + u.Err.Error()
			t.report.Left = append(t.report.Left, change)
			whole = whole && change.Stage != StageShare
		} else {
			change.Action, change.Reason = undoneAction(change.Action), "undone"
			t.report.Undone = append(t.report.Undone, change)
		}
		t.tell(change, 0, u.Err)
		t.record(ctx, change, u.Err)
	}
	if !whole {
		return // From may hold the new credential, which stays on the report
	}
	t.report.Credential, t.report.RenewAt = nil, time.Time{}
	if t.seen.secret != nil && t.seen.ref.Kind != "" {
		t.note(t.seen.ref) // the old one is in use again
	}
}

// keptError is why a clean step left something on purpose. It is not a failure of the call.
type keptError struct{ why string }

func (e *keptError) Error() string { return e.why }

func undoneAction(a Action) Action {
	if a == Created {
		return Deleted
	}
	return Restored
}
