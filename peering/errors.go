package peering

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// Error is the failure of one link.
type Error struct {
	From, To ID
	Stage    Stage
	On       ID // the cluster that was being worked on
	Err      error
	Hint     string // the next step to take
}

func (e *Error) Error() string {
	text := fmt.Sprintf("peering: %s -> %s: %s on %s: %s", e.From, e.To, line(string(e.Stage)), e.On, e.cause())
	if e.Hint != "" {
		text += " (" + prose(e.Hint) + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) cause() string {
	if e.Err == nil {
		return "no cause is known"
	}
	return oneLine(e.Err)
}

type wireError struct {
	From  ID     `json:"from"`
	To    ID     `json:"to"`
	Stage Stage  `json:"stage"`
	On    ID     `json:"on"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireError{e.From, e.To, word(e.Stage), e.On, e.cause(), prose(e.Hint)})
}

func (e *Error) UnmarshalJSON(data []byte) error {
	var w wireError
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Error{w.From, w.To, word(w.Stage), w.On, errors.New(prose(w.Error)), prose(w.Hint)}
	return nil
}

// ForeignObjectError says that somebody else's object has a name of the link.
type ForeignObjectError struct {
	Object    string // Kind/namespace/name
	Owner     string // who seems to own it: a label, a Helm release or a field manager
	Adoptable bool   // a remote secret, which Peering.Adopt takes over
}

func (e *ForeignObjectError) Error() string {
	return fmt.Sprintf("%s exists and does not belong to this link; its owner: %s", line(e.Object), line(e.Owner))
}

// DuplicateClusterError says that another Secret of From names To's ID.
type DuplicateClusterError struct {
	Cluster   ID
	Secret    string // namespace/name of the one that istiod keeps, as it read it first (pkg/kube/multicluster/secretcontroller.go)
	Owner     string
	Adoptable bool // Peering.Adopt takes that Secret over
}

func (e *DuplicateClusterError) Error() string {
	return fmt.Sprintf("cluster ID %q is already registered by Secret %s; its owner: %s", e.Cluster, line(e.Secret), line(e.Owner))
}

// MissingRightsError lists all that istiod needs and the reader lacks.
type MissingRightsError struct {
	Account string // namespace/name of the ServiceAccount in To
	Missing []rbacv1.PolicyRule
}

func (e *MissingRightsError) Error() string {
	return fmt.Sprintf("ServiceAccount %s lacks rights that istiod needs: %s", line(e.Account), describeRules(e.Missing))
}

func describeRules(rules []rbacv1.PolicyRule) string {
	parts := make([]string, len(rules))
	for i, r := range rules {
		parts[i] = rbac.Describe(r)
	}
	return strings.Join(texts(parts), "; ")
}

// WrongIdentityError says that a token speaks for another account.
type WrongIdentityError struct {
	Want, Got       string // user names
	WantUID, GotUID string
}

func (e *WrongIdentityError) Error() string {
	return fmt.Sprintf(`token speaks for "%s" (UID %s), not for "%s" (UID %s)`, line(e.Got), line(e.GotUID), line(e.Want), line(e.WantUID))
}

// RefusedTokenError says that a token of Peering.Tokens will not work.
type RefusedTokenError struct {
	Cluster ID
	Reason  string // from the token's claims
	Err     error  // the API server's answer; nil if it was not asked
}

func (e *RefusedTokenError) Error() string {
	text := fmt.Sprintf("the token of Peering.Tokens does not work in %q: %s", e.Cluster, prose(e.Reason))
	if e.Err != nil {
		text += ": " + oneLine(e.Err)
	}
	return text
}

func (e *RefusedTokenError) Unwrap() error { return e.Err }

// EndpointError says which address did not answer as an API server should.
type EndpointError struct {
	Cluster ID
	Whose   string // where the address comes from, such as Link.Endpoint
	Address string // host:port; "" if only Err names it
	Proxy   string // host:port of the proxy in between; "" is none
	Err     error
}

func (e *EndpointError) Error() string {
	at := line(e.Address)
	if at != "" {
		at = " at " + at
	}
	if e.Proxy != "" {
		at += " through the proxy " + line(e.Proxy)
	}
	return fmt.Sprintf("API server of %q%s (%s): %s", e.Cluster, at, line(e.Whose), oneLine(e.Err))
}

func (e *EndpointError) Unwrap() error { return e.Err }

// SameClusterError says that two members are one cluster.
type SameClusterError struct {
	A, B ID
	UID  string // of kube-system in both
}

func (e *SameClusterError) Error() string {
	return fmt.Sprintf("peering: %q and %q are the same cluster (kube-system has UID %s in both): check the kubeconfig contexts", e.A, e.B, line(e.UID))
}

// NotSyncedError says that a replica did not sync with a cluster in time.
type NotSyncedError struct {
	Cluster ID
	Replica string
	Level   istiod.Status // how far it got
	Hosted  bool          // the control plane runs elsewhere: what it reads is not this link's to give
}

// next is what somebody can do about it.
func (e *NotSyncedError) next() string {
	if e.Hosted && e.Level == istiod.NotSeen {
		return "its control plane runs elsewhere: peer the cluster that istiod belongs to with " + e.Cluster.String() + ", for ASM add " + e.Cluster.String() + " to the mesh"
	}
	return e.Level.Hint()
}

func (e *NotSyncedError) Error() string {
	return fmt.Sprintf("%s reports cluster %q as %s", line(e.Replica), e.Cluster, line(string(e.Level)))
}

// PreflightError says that blocking checks failed before anything was written.
type PreflightError struct {
	Findings []preflight.Finding // those that failed
}

func (e *PreflightError) Error() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = line(f.ID) + ": " + prose(strings.TrimPrefix(f.Subject+": "+f.Evidence, ": "))
	}
	return "blocked by " + strings.Join(texts, "; ")
}

func (e *PreflightError) hint() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = prose(f.Remedy)
	}
	return strings.Join(texts, "; ")
}
