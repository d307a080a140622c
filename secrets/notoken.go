package secrets

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

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
		cause = ": " + inner(e.Err)
	}
	object := ""
	if e.Name != "" {
		object = fmt.Sprintf(", Secret %s/%s", e.Namespace, e.Name)
	}
	return fmt.Sprintf("secrets: no token for ServiceAccount %q%s (%s)%s; %s", e.ServiceAccount, object, e.Reason, cause, e.Hint)
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
		return r.noToken(ReasonRefused, "the caller needs the right to create, get and delete Secrets in namespace "+r.Namespace, err)
	default:
		return r.noToken(ReasonRefused, "try again; if the answer was lost, the Secret may be there", err)
	}
}

func isDenied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }
