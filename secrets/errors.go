package secrets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

var (
	// ErrNoToken says that a source could not give a token; see NoTokenError.
	ErrNoToken = errors.New("no token")
	// ErrNotRevocable says that a Revoker does not know the kind of a Ref.
	ErrNotRevocable = errors.New("not revocable")
	// ErrNotResumable says that a Resumer cannot go on from an object.
	ErrNotResumable = errors.New("not resumable")
	// ErrNotJWT says that a token has no claims to read.
	ErrNotJWT = errors.New("not a JSON web token")
)

// FieldError is an input that cannot work, found before anything is written. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

// ExistsError says that the object which a source wanted to create is there
// already: another run made it, or it is somebody else's. Its labels and
// annotations tell; Resumer goes on from it.
type ExistsError struct {
	// Namespace and Name are the object's.
	Namespace, Name string
	// Err is the API server's answer.
	Err error
}

// Error names the object and the next step.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("secrets: Secret %s/%s exists already; look at its labels for the owner, resume or delete it", e.Namespace, e.Name)
}

// Unwrap returns the API server's answer.
func (e *ExistsError) Unwrap() error { return e.Err }

// ReplacedError says that the name of a token's object belongs to another object
// now. The token is dead; the other object was left alone.
type ReplacedError struct {
	// Namespace and Name are shared by both objects.
	Namespace, Name string
	// Want is the UID of the token's object, Got that of the object there now, if known.
	Want, Got string
}

// Error names the object and both UIDs.
func (e *ReplacedError) Error() string {
	return fmt.Sprintf("secrets: Secret %s/%s has UID %q, not %q: it is another object and was left alone; the token of the old one is dead", e.Namespace, e.Name, e.Got, e.Want)
}

// LeftoverError says that a source failed and that the object which it had
// created could not be deleted again.
type LeftoverError struct {
	// Ref names the object left behind.
	Ref Ref
	// Err is why the deletion failed.
	Err error
}

// Error names the object to delete.
func (e *LeftoverError) Error() string {
	return fmt.Sprintf("secrets: Secret %s/%s (UID %s) was left behind, delete it: %v", e.Ref.Namespace, e.Ref.Name, e.Ref.UID, inner(e.Err))
}

// inner is the text of an error within one that names the package already.
func inner(err error) string { return strings.TrimPrefix(err.Error(), "secrets: ") }

// Unwrap returns why the deletion failed.
func (e *LeftoverError) Unwrap() error { return e.Err }
