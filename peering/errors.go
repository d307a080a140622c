package peering

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// Error is the failure of one link: which link, at which stage, and in which cluster. Hint is the next step to take.
type Error struct {
	From, To ID
	Stage    Stage
	On       ID // the cluster that was being worked on
	Err      error
	Hint     string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("peering: %s -> %s: %s on %s: %v", e.From, e.To, e.Stage, e.On, e.Err)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

type wireError struct {
	From  ID     `json:"from"`
	To    ID     `json:"to"`
	Stage Stage  `json:"stage"`
	On    ID     `json:"on"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// MarshalJSON writes the error with its cause as text.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireError{e.From, e.To, e.Stage, e.On, e.Err.Error(), e.Hint})
}

// UnmarshalJSON reads what MarshalJSON wrote; the cause comes back with the same text, without its type.
func (e *Error) UnmarshalJSON(data []byte) error {
	var w wireError
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Error{w.From, w.To, w.Stage, w.On, errors.New(w.Error), w.Hint}
	return nil
}

// ForeignObjectError says that a name this link needs belongs to an object that is not this link's. It was left alone.
type ForeignObjectError struct {
	Object string // Kind/namespace/name
	Owner  string // who seems to own it: a label, a Helm release or a field manager
}

func (e *ForeignObjectError) Error() string {
	return fmt.Sprintf("%s exists and is not this link's: it belongs to %s", e.Object, e.Owner)
}

// DuplicateClusterError says that another Secret of From already names To's cluster ID. istiod would keep that one and
// ignore ours (pkg/kube/multicluster/secretcontroller.go).
type DuplicateClusterError struct {
	Cluster ID
	Secret  string // namespace/name of the other Secret
	Owner   string
}

func (e *DuplicateClusterError) Error() string {
	return fmt.Sprintf("cluster ID %q is already registered by Secret %s, which belongs to %s", e.Cluster, e.Secret, e.Owner)
}

// MissingRightsError lists all that a reader may not do and istiod needs.
type MissingRightsError struct {
	Account string // namespace/name of the ServiceAccount in To
	Missing []rbacv1.PolicyRule
}

func (e *MissingRightsError) Error() string {
	return fmt.Sprintf("ServiceAccount %s lacks rights that istiod needs: %s", e.Account, describeRules(e.Missing))
}

func describeRules(rules []rbacv1.PolicyRule) string {
	parts := make([]string, len(rules))
	for i, r := range rules {
		parts[i] = rbac.Describe(r)
	}
	return strings.Join(parts, "; ")
}

// WrongIdentityError says that a token speaks for somebody else than the link's reader.
type WrongIdentityError struct {
	Want, Got       string // user names
	WantUID, GotUID string
}

func (e *WrongIdentityError) Error() string {
	return fmt.Sprintf("token speaks for %q (UID %s), not for %q (UID %s)", e.Got, e.GotUID, e.Want, e.WantUID)
}

// SameClusterError says that two members of a call are one cluster: their kube-system namespaces have the same UID.
type SameClusterError struct {
	A, B ID
	UID  string
}

func (e *SameClusterError) Error() string {
	return fmt.Sprintf("peering: %q and %q are the same cluster (kube-system has UID %s in both): check the kubeconfig contexts", e.A, e.B, e.UID)
}

// NotSyncedError says that an istiod replica did not come to read To in time. Level is how far it came.
type NotSyncedError struct {
	Cluster ID
	Replica string
	Level   SyncStatus
}

func (e *NotSyncedError) Error() string {
	return fmt.Sprintf("%s reports cluster %q as %s", e.Replica, e.Cluster, e.Level)
}

// ErrNotReady says that a replica or a credential could not be asked.
var ErrNotReady = errors.New("not ready")
