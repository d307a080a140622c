package rbac

import (
	"errors"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// ErrVersionTooOld is in the chain of the error for an Options.IstioVersion
// whose charts are older than those this package knows (1.19).
var ErrVersionTooOld = errors.New("istio version too old")

// FieldError is the refusal of one option; nothing was rendered.
type FieldError = invalid.FieldError
