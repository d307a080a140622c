package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Ledger collects what a run did, in order, to take it back in reverse. It is not safe for concurrent use.
//
// It keeps one promise: no credential is revoked, and no right that it needs is taken, while a Secret that may hold it is not
// known to hold another. The write of such a Secret is an entry with Gate; what the credential lives by comes before it.
type Ledger struct{ entries []Entry }

// Entry is one write.
type Entry struct {
	Label any  // the caller's own record of it
	Undo  Undo // nil: there is nothing to take back
	// Gate withholds the undo of all earlier entries if this one's fails or its outcome is unknown.
	Gate bool
}

// Undone is what became of an entry. Err is nil if it was taken back, [ErrNothing] if there was nothing to take back, a
// [WithheldError] if it was not tried, or why it failed: then the write stays, or may stay.
type Undone struct {
	Entry
	Err error
}

// WithheldError says that an undo was not tried, because a later one failed that depends on it.
type WithheldError struct {
	Because string // why the later undo failed
}

// Error gives the reason.
func (e *WithheldError) Error() string {
	return "kept, because what may still use it could not be taken back: " + printable.Prose(e.Because)
}

// Add appends an entry. One without an Undo is not kept.
func (l *Ledger) Add(e Entry) {
	if e.Undo != nil {
		l.entries = append(l.entries, e)
	}
}

// Empty says that there is nothing to take back.
func (l *Ledger) Empty() bool { return len(l.entries) == 0 }

// Withhold takes nothing back and empties the ledger: each entry stays, for the reason that why gives.
func (l *Ledger) Withhold(why error) []Undone {
	entries := l.entries
	l.entries = nil
	results := make([]Undone, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		results = append(results, Undone{e, why})
	}
	return results
}

// Rollback takes all entries back, the last one first, and empties the ledger. The result is in that order. The context is
// one of the rollback's own; when it ends, what is left was not taken back and says so.
func (l *Ledger) Rollback(ctx context.Context) []Undone {
	entries := l.entries
	l.entries = nil
	results := make([]Undone, 0, len(entries))
	var withheld error
	for _, e := range slices.Backward(entries) {
		err := withheld
		if err == nil {
			if err = ctx.Err(); err == nil {
				err = e.Undo(ctx)
			} else {
				err = fmt.Errorf("not tried: %w", err)
			}
			if e.Gate && err != nil && !errors.Is(err, ErrNothing) {
				withheld = &WithheldError{err.Error()}
			}
		}
		results = append(results, Undone{e, err})
	}
	return results
}
