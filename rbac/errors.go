package rbac

import (
	"errors"
	"fmt"
)

// ErrVersionTooOld is in the chain of the error for an Options.IstioVersion
// whose charts are older than those this package knows (1.19).
var ErrVersionTooOld = errors.New("istio version too old")

// OptionError is the refusal of one option; nothing was rendered.
type OptionError struct {
	Field   string // such as "Options.Namespace"
	Value   string // as given
	Problem string // what is wrong and what to write instead
	Err     error  // a sentinel of this package, or nil
}

// Error returns the field, the value, and the problem with its remedy.
func (e *OptionError) Error() string {
	return fmt.Sprintf("rbac: %s %q: %s", e.Field, e.Value, e.Problem)
}

// Unwrap returns Err.
func (e *OptionError) Unwrap() error { return e.Err }
