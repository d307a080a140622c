// Package invalid holds the one error for an option that cannot work. The public packages alias it.
package invalid

import (
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// FieldError is an input that cannot work, found before anything is written or sent.
// Several are joined; errors.As finds the first. What looks like a credential in
// the wrong field is REDACTED in all of it.
type FieldError struct {
	// Field is the Go path of the value, such as Endpoint.Server.
	Field string
	// Value is the value as far as it may be shown; "" where it is a secret.
	Value string
	// Reason says what is wrong, Remedy what to do.
	Reason, Remedy string
	// Err is a sentinel of the package that refuses, or nil.
	Err error
}

// Field returns a *FieldError whose field and value are fit to be shown.
func Field(field, value, reason, remedy string) *FieldError {
	return &FieldError{Field: printable.Value(field), Value: printable.Value(value), Reason: printable.Value(reason), Remedy: printable.Value(remedy)}
}

// Because returns e with a cause for errors.Is.
func (e *FieldError) Because(err error) *FieldError {
	e.Err = err
	return e
}

// Error names the field, its value, the reason and the remedy.
func (e *FieldError) Error() string {
	var b strings.Builder
	b.WriteString(e.Field)
	if e.Value != "" {
		fmt.Fprintf(&b, ` "%s"`, e.Value) // its own quotes and escapes are there to be seen
	}
	b.WriteString(": " + e.Reason)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }
