package apply

import (
	"errors"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Outcome is what became of a write.
type Outcome int

// The three outcomes of a write.
const (
	NotDone Outcome = iota // nothing was written
	Done                   // it was written
	Unknown                // it may have been written: do nothing that is wrong in either case
)

// String is "not done", "done" or "unknown".
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case NotDone:
		return "not done"
	}
	return "unknown"
}

// UnknownError says that nobody could tell whether a write took place. Err is why the write failed and, joined to it, why
// looking did not help.
type UnknownError struct {
	Op     string // "create", "update" or "delete"
	Object string // Kind/namespace/name
	Err    error
}

// Error names the write and says that its outcome is not known.
func (e *UnknownError) Error() string {
	text := "it is not known whether the " + printable.Line(e.Op) + " of " + printable.Line(e.Object) + " took place"
	if e.Err != nil {
		text += ": " + printable.Prose(e.Err.Error())
	}
	return text
}

// Unwrap returns the cause.
func (e *UnknownError) Unwrap() error { return e.Err }

// OutcomeOf tells from the error of a write by [Steady] or [Writer] what became of it.
func OutcomeOf(err error) Outcome {
	var unknown *UnknownError
	switch {
	case err == nil:
		return Done
	case errors.As(err, &unknown):
		return Unknown
	}
	return NotDone
}
