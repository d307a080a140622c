package auditlog

import (
	"errors"
	"strings"
)

// Event is what is read of an Event of audit.k8s.io/v1 (Kubernetes apiserver pkg/apis/audit/v1/types.go).
type Event struct {
	APIVersion  string            `json:"apiVersion"`
	Kind        string            `json:"kind"`
	ID          string            `json:"auditID"`
	Stage       string            `json:"stage"`
	URI         string            `json:"requestURI"` // path and query
	Verb        string            `json:"verb"`       // of a request for no resource: its method in lower case
	User        User              `json:"user"`
	As          User              `json:"impersonatedUser"`       // zero is nobody
	Mode        Mode              `json:"authenticationMetadata"` // how that was permitted
	Object      Object            `json:"objectRef"`              // zero for a request for no resource
	Response    Response          `json:"responseStatus"`
	Annotations map[string]string `json:"annotations"`

	fault error // a field is not what it is to be
}

// User is who asks, or whom they act as.
type User struct {
	Name   string              `json:"username"`
	UID    string              `json:"uid"`
	Groups []string            `json:"groups"`
	Extra  map[string][]string `json:"extra"`
}

// Mode is set if a user acts as another by a verb of its own (KEP-5284).
type Mode struct {
	Verb string `json:"impersonationConstraint"`
}

// Object is what a request is for. A name that the request did not have is filled in from its body.
type Object struct {
	Group       string `json:"apiGroup"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
}

// Response is the answer, once there is one.
type Response struct {
	Code int `json:"code"`
}

// field returns where the value of a key goes; nil if it is not read. Objects in requests and responses are not.
func (e *Event) field(key string) any {
	switch key {
	case "apiVersion":
		return &e.APIVersion
	case "kind":
		return &e.Kind
	case "auditID":
		return &e.ID
	case "stage":
		return &e.Stage
	case "requestURI":
		return &e.URI
	case "verb":
		return &e.Verb
	case "user":
		return &e.User
	case "impersonatedUser":
		return &e.As
	case "authenticationMetadata":
		return &e.Mode
	case "objectRef":
		return &e.Object
	case "responseStatus":
		return &e.Response
	case "annotations":
		return &e.Annotations
	}
	return nil
}

// The stages of a request, in their order (Kubernetes apiserver pkg/apis/audit/v1/types.go).
const (
	Received = "RequestReceived"
	Started  = "ResponseStarted" // of a watch or a stream: the answer goes on
	Complete = "ResponseComplete"
	Panic    = "Panic"
)

// check refuses what is not an audit event.
func (e *Event) check() error {
	switch {
	case e.fault != nil:
		return e.fault
	case e.Kind != "" && e.Kind != "Event", e.APIVersion != "" && !strings.HasPrefix(e.APIVersion, "audit.k8s.io/"):
		return errors.New("it is not an Event of audit.k8s.io")
	case e.ID == "":
		return errors.New("it has no auditID")
	case e.Stage != Received && e.Stage != Started && e.Stage != Complete && e.Stage != Panic:
		return errors.New("it has no stage that is known")
	}
	return nil
}
