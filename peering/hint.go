package peering

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/secrets"
)

// hint is the next step for a failure, by its class; "" if the error says it all.
func hint(err error) string {
	var (
		foreign   *ForeignObjectError
		duplicate *DuplicateClusterError
		rights    *MissingRightsError
		identity  *WrongIdentityError
		unsynced  *NotSyncedError
		level     *LevelError
		exists    *secrets.ExistsError
		hazard    *HazardError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		dial      *net.OpError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &foreign):
		return "rename or remove that object, or peer through an existing account (Peering.Account)"
	case errors.As(err, &duplicate):
		return "istiod ignores a second Secret for the same cluster ID: remove that one first"
	case errors.As(err, &rights):
		return "bind the rules that rbac.Render gives to the account, or let each link have its own reader"
	case errors.As(err, &identity):
		return "the account was recreated or the token is another's: call Ensure to mint anew"
	case errors.As(err, &hazard):
		return hazard.Hazard.Remedy + "; with Peering.RestartIstiods the rotation does it"
	case errors.As(err, &level):
		return level.Remedy
	case errors.As(err, &unsynced):
		return unsynced.Level.hint()
	case errors.As(err, &exists):
		return "another run is at work on this link, or died on it: call again"
	case strings.Contains(err.Error(), "is attempting to grant RBAC permissions not currently held"):
		return "Kubernetes lets you grant only what you hold: use an identity with these rights, or with verbs escalate and bind on the role"
	case apierrors.IsUnauthorized(err):
		return "the credential is expired, revoked or of another cluster"
	case apierrors.IsForbidden(err):
		return "give the caller this right; RBAC of both clusters is listed in the package documentation"
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		return "somebody else changed the object meanwhile: call again"
	case errors.As(err, &authority):
		return "the CA does not verify this API server: pass the CA of the server that answers there"
	case errors.As(err, &host):
		return "the certificate names other hosts: set Endpoint.TLSServerName to one of them"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "call again with more time: what was done is either kept or undone, as the report says"
	case errors.As(err, &dial), errors.As(err, &dns):
		return "check that the API server runs and that its address is reachable from here"
	}
	return ""
}

// unreachable tells a server that could not be asked from one that answered, badly or not.
func unreachable(err error) bool {
	var dial *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dial) || errors.As(err, &dns)
}
