package secrets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

var (
	// ErrNoToken says that a source could not give a token; see NoTokenError.
	ErrNoToken = errors.New("no token")
	// ErrNotRevocable says that a Revoker does not know the kind of a Ref.
	ErrNotRevocable = errors.New("not revocable")
	// ErrNotResumable says that a Resumer cannot resume from an object.
	ErrNotResumable = errors.New("not resumable")
	// ErrNotJWT says that a token has no claims to read.
	ErrNotJWT = errors.New("not a JSON web token")
)

// FieldError is an input that cannot work, found before anything is written. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

// ExistsError says that the object which a source wanted to create exists already: another run made
// it, or it is somebody else's. Its labels and annotations tell which. A Resumer can resume from it.
type ExistsError struct {
	// Namespace and Name are the object's.
	Namespace, Name string
	// Err is the API server's answer.
	Err error
}

// Error names the object and the next step.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("secrets: Secret %s/%s exists already; its labels name the owner; resume from it or delete it", shownName(e.Namespace), shownName(e.Name))
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
	return fmt.Sprintf("secrets: Secret %s/%s has UID %q, not %q: it is another object and was left alone; the old object's token no longer works", shownName(e.Namespace), shownName(e.Name), e.Got, e.Want)
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
	return fmt.Sprintf("secrets: Secret %s/%s (UID %s) was left behind, delete it: %v", shownName(e.Ref.Namespace), shownName(e.Ref.Name), e.Ref.UID, printable.Line(inner(e.Err)))
}

// inner is the text of an error within one that names the package already.
func inner(err error) string { return strings.TrimPrefix(err.Error(), "secrets: ") }

// Unwrap returns why the deletion failed.
func (e *LeftoverError) Unwrap() error { return e.Err }

// Reason says why there is no token.
type Reason string

const (
	// ReasonRefused means that the API server answered a create with an error.
	ReasonRefused Reason = "refused"
	// ReasonDeleted means that the token Secret vanished: the token controller
	// deletes it when its ServiceAccount does not exist or has another UID
	// (Kubernetes pkg/controller/serviceaccount/tokens_controller.go).
	ReasonDeleted Reason = "deleted"
	// ReasonReplaced means that another object has the Secret's name now.
	ReasonReplaced Reason = "replaced"
	// ReasonHalfFilled means that the token Secret has a ca.crt but no token.
	ReasonHalfFilled Reason = "half filled"
	// ReasonUntouched means that nobody filled the token Secret.
	ReasonUntouched Reason = "untouched"
	// ReasonUnreadable means that the token Secret could not be read.
	ReasonUnreadable Reason = "unreadable"
	// ReasonInvalidated means that the API server has marked the token as unused
	// for too long (Kubernetes pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go).
	ReasonInvalidated Reason = "invalidated"
	// ReasonWrongAccount means that the token is of an account with another UID.
	ReasonWrongAccount Reason = "wrong account"
	// ReasonEmpty means that the answer held no token.
	ReasonEmpty Reason = "empty"
	// ReasonInterrupted means that the caller's context ended.
	ReasonInterrupted Reason = "interrupted"
)

// NoTokenError says why a source gave no token and what to do. It is ErrNoToken.
type NoTokenError struct {
	// Namespace and Name are those of the token's object; empty where there is none.
	Namespace, Name string
	// ServiceAccount is the account asked for.
	ServiceAccount string
	// Reason is the class of the failure.
	Reason Reason
	// Hint is the next step.
	Hint string
	// Err is the cause, if there is one.
	Err error
}

// Error says who gets no token, why, and what to do.
func (e *NoTokenError) Error() string {
	cause := ""
	if e.Err != nil {
		cause = ": " + printable.Line(inner(e.Err))
	}
	object := ""
	if e.Name != "" {
		object = fmt.Sprintf(", Secret %s/%s", shownName(e.Namespace), shownName(e.Name))
	}
	return fmt.Sprintf("secrets: no token for ServiceAccount %q%s (%s)%s; %s", shownName(e.ServiceAccount), object, e.Reason, cause, printable.Line(e.Hint))
}

// Unwrap returns ErrNoToken and the cause.
func (e *NoTokenError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrNoToken}
	}
	return []error{ErrNoToken, e.Err}
}

func (r Request) noToken(reason Reason, hint string, err error) *NoTokenError {
	return &NoTokenError{
		Namespace: r.Namespace, Name: r.Name, ServiceAccount: r.ServiceAccount,
		Reason: reason, Hint: hint, Err: err,
	}
}

// createFailed reports the refusal to create the object of r.
func (r Request) createFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return r.noToken(ReasonInterrupted, "try again; the Secret may have been created all the same", context.Cause(ctx))
	case apierrors.IsAlreadyExists(err):
		return &ExistsError{Namespace: r.Namespace, Name: r.Name, Err: err}
	case apierrors.IsNotFound(err):
		return r.noToken(ReasonRefused, "create the namespace first", err)
	case isDenied(err):
		return r.noToken(ReasonRefused, "the caller needs permission to create, get and delete Secrets in namespace "+r.Namespace, err)
	default:
		return r.noToken(ReasonRefused, "try again; if the answer was lost, the Secret may be there", err)
	}
}

func isDenied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }
