package peeringtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
)

// Failure is a way in which a call of an API server fails, with the error that client-go gives of it.
type Failure string

// Lost replies: the server did what was asked, and the caller hears of a broken connection. Which one that is says nothing of
// the call: a reset and an end of file come of calls that never arrived, too.
const (
	LostReply   Failure = "lost reply: connection reset"
	LostEOF     Failure = "lost reply: EOF"
	LostTimeout Failure = "lost reply: timeout"
)

// Transient failures: nothing was done, and the same call may work a moment later.
const (
	Reset         Failure = "connection reset"
	Throttled     Failure = "429 Too Many Requests, Retry-After 1 s"
	Unavailable   Failure = "503 Service Unavailable"
	LeaderChanged Failure = "500 etcdserver: leader changed"
)

// Permanent failures: the server refuses the call and will again.
const (
	Forbidden     Failure = "403 RBAC"
	OverQuota     Failure = "403 exceeded quota"
	Denied        Failure = "403 admission webhook"
	Terminating   Failure = "403 namespace is being terminated"
	Unprocessable Failure = "422 Unprocessable Entity"
)

// Conflicting is a 409: somebody else wrote the object meanwhile. The server did nothing.
const Conflicting Failure = "409 Conflict"

// Class is what a Failure says about the call.
type Class string

// The classes of failures.
const (
	Lost      Class = "lost"      // it took effect, and the caller cannot know
	Transient Class = "transient" // it did not, and may be sent again
	Permanent Class = "permanent" // it did not and never will
	Conflict  Class = "conflict"  // it did not, for the object changed
)

// Failures are all of them, for tests that go through them.
//
//	for _, failure := range peeringtest.Failures() {
//		t.Run(string(failure), func(t *testing.T) { ... member.Inject(peeringtest.Fault{Call: n, Failure: failure}) ... })
//	}
func Failures() (all []Failure) {
	for _, k := range knownFailures() {
		all = append(all, k.name)
	}
	return all
}

// Class of the failure.
func (f Failure) Class() Class {
	if k := f.known(); k != nil {
		return k.class
	}
	return ""
}

type known struct {
	name  Failure
	class Class
	lost  bool
	err   func(Call, peering.Object) error
}

func (f Failure) known() *known {
	for _, k := range knownFailures() {
		if k.name == f {
			return &k
		}
	}
	return nil
}

func knownFailures() []known {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	timeout := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	return []known{
		{LostReply, Lost, true, transport(reset)},
		{LostEOF, Lost, true, transport(io.EOF)},
		{LostTimeout, Lost, true, transport(timeout)},
		{Reset, Transient, false, transport(reset)},
		{Throttled, Transient, false, func(Call, peering.Object) error {
			return apierrors.NewTooManyRequests("Too many requests, please try again later.", 1)
		}},
		{Unavailable, Transient, false, func(Call, peering.Object) error {
			return apierrors.NewServiceUnavailable("the server is currently unable to handle the request")
		}},
		{LeaderChanged, Transient, false, status(http.StatusInternalServerError, "", "etcdserver: leader changed")},
		{Forbidden, Permanent, false, func(c Call, o peering.Object) error { return forbidden("admin", c.Verb, o) }},
		{OverQuota, Permanent, false, func(c Call, o peering.Object) error {
			what := kube.Resource(o)
			return apierrors.NewForbidden(resource(o), c.Name, fmt.Errorf("exceeded quota: objects, requested: count/%s=1, used: count/%s=10, limited: count/%s=10", what, what, what))
		}},
		{Denied, Permanent, false, status(http.StatusForbidden, metav1.StatusReasonForbidden, `admission webhook "policy.example.com" denied the request: not in this cluster`)},
		{Terminating, Permanent, false, func(c Call, o peering.Object) error {
			err := apierrors.NewForbidden(resource(o), c.Name, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", c.Namespace))
			err.ErrStatus.Details.Causes = []metav1.StatusCause{{
				Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", c.Namespace), Field: "metadata.namespace",
			}}
			return err
		}},
		{Unprocessable, Permanent, false, func(c Call, o peering.Object) error {
			return apierrors.NewInvalid(schema.GroupKind{Group: kube.Group(o), Kind: c.Kind}, c.Name, field.ErrorList{
				field.Invalid(field.NewPath("metadata", "labels"), "x", "refused by the test"),
			})
		}},
		{Conflicting, Conflict, false, func(c Call, o peering.Object) error {
			return apierrors.NewConflict(resource(o), c.Name, errors.New("the object has been modified; please apply your changes to the latest version and try again"))
		}},
	}
}

// transport is how net/http reports a connection that broke.
func transport(err error) func(Call, peering.Object) error {
	return func(c Call, o peering.Object) error {
		method := map[string]string{"create": "Post", "create token": "Post", "exec": "Post", "update": "Put", "delete": "Delete"}[c.Verb]
		if method == "" {
			method = "Get"
		}
		return &url.Error{Op: method, URL: "https://in-memory.example/" + kube.Resource(o) + "/" + c.Name, Err: err}
	}
}

func status(code int32, reason metav1.StatusReason, message string) func(Call, peering.Object) error {
	return func(Call, peering.Object) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
	}
}

// forbidden is what the API server says when no authorizer allows a request.
func forbidden(user, verb string, o peering.Object) error {
	what := fmt.Sprintf("User %q cannot %s resource %q in API group %q", user, verb, kube.Resource(o), kube.Group(o))
	if o.GetNamespace() == "" {
		what += " at the cluster scope"
	} else {
		what += fmt.Sprintf(" in the namespace %q", o.GetNamespace())
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: kube.Group(o), Resource: kube.Resource(o)}, o.GetName(), errors.New(what))
}
