package peering

import (
	"context"
	"errors"
	"slices"
	"time"
)

// undoTimeout bounds the undo of one link, whatever became of the caller's context.
const undoTimeout = 30 * time.Second

// done is an executed step that can be undone.
type done struct {
	Change
	undo func(context.Context) error
}

// execute does the steps in order until one fails. A failed mutation undoes what was done for this link.
func (w *work) execute(ctx context.Context, steps []step) {
	var undo []done
	for _, s := range steps {
		start := time.Now()
		var err error
		if s.do != nil {
			var back func(context.Context) error
			if err = ctx.Err(); err == nil {
				back, err = s.do(ctx)
			}
			if back != nil {
				undo = append(undo, done{s.Change, back})
			}
		}
		w.tell(s.Change, time.Since(start), err)
		w.record(ctx, s.Change, err)
		if err == nil {
			if s.kind != verify {
				w.report.Changes = append(w.report.Changes, s.Change)
			}
			continue
		}
		var kept *keptError
		if w.report.Error == nil && !errors.As(err, &kept) {
			w.report.Error = w.failed(s.Stage, s.On, err)
		}
		switch {
		case s.kind == clean:
			s.Reason = err.Error()
			w.report.Left = append(w.report.Left, s.Change)
		case s.kind == mutate || w.goal == Rotated || w.UndoUnsynced && ctx.Err() == nil:
			w.rollback(ctx, undo)
			return
		default:
			return
		}
	}
}

// rollback undoes steps in reverse. It has a time limit of its own: the caller's may be over, and half a link must not stay.
func (w *work) rollback(ctx context.Context, undo []done) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	w.untouched = len(undo) == 0
	lost := w.lostLock(ctx)
	for _, d := range slices.Backward(undo) {
		err := lost
		if err == nil {
			err = d.undo(ctx)
		}
		if errors.Is(err, errNothingLeft) {
			continue
		}
		change := d.Change
		if err != nil {
			change.Reason = "undo failed: " + err.Error()
			w.report.Left = append(w.report.Left, change)
		} else {
			change.Action, change.Reason = undone(change.Action), "undone"
			w.report.Undone = append(w.report.Undone, change)
		}
		w.tell(change, 0, err)
		w.record(ctx, change, err)
	}
	w.report.Credential, w.report.RenewAt = nil, time.Time{}
	if w.live.secret != nil && w.live.ref.Kind != "" {
		w.note(w.live.ref) // the old one is in use again
	}
}

// keptError is why a clean step left something on purpose. It is not a failure of the call.
type keptError struct{ why string }

func (e *keptError) Error() string { return e.why }

func undone(a Action) Action {
	if a == Created {
		return Deleted
	}
	return Restored
}

func (w *work) tell(c Change, took time.Duration, err error) {
	e := Event{From: w.From.ID, To: w.To.ID, Change: c, Took: took}
	if err != nil {
		e.Error = err.Error()
	}
	w.observe(e.printed())
}

// failed is the one place where an error of a link is made.
func (w *work) failed(stage Stage, on ID, err error) *Error {
	if stage != StageSync && stage != StageProbe && stage != StagePreflight {
		side := w.To
		if on == w.From.ID {
			side = w.From
		}
		err = own(side, err)
	}
	return (&Error{From: w.From.ID, To: w.To.ID, Stage: stage, On: on, Err: err, Hint: hint(err)}).printed()
}
