package peering

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/traffic"
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
		level     *traffic.LevelError
		exists    *secrets.ExistsError
		hazard    *HazardError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		refused   *RefusedTokenError
		endpoint  *EndpointError
		unknown   *apply.UnknownError
		advice    = apply.Advice(err)
	)
	switch {
	case errors.As(err, &foreign) && foreign.Adoptable, errors.As(err, &duplicate) && duplicate.Adoptable:
		return "set Peering.Adopt to AdoptKeep or AdoptRevoke and call Ensure, which takes the Secret over in place; or remove the Secret"
	case errors.As(err, &foreign) && strings.HasPrefix(foreign.Object, "Secret/"):
		return "remove or rename that Secret: it cannot be adopted, because it does not name this cluster alone or another Secret names it too"
	case errors.As(err, &foreign):
		return "rename or remove that object, or use an account that is managed elsewhere (Peering.Account)"
	case errors.As(err, &duplicate):
		return "remove one of the Secrets: istiod ignores a second one for the same cluster ID"
	case errors.As(err, &rights):
		return "bind the rules that rbac.Render returns to the account, or let each link have its own reader"
	case errors.As(err, &identity):
		return "the account was recreated, or the token is of another account: call Ensure, which mints a new token"
	case errors.As(err, &refused):
		return "have Peering.Tokens give a token of this link's account that the API server of " + refused.Cluster.String() + " issued and that has not expired"
	case errors.As(err, &hazard):
		return hazard.Hazard.Remedy + "; with Peering.RestartIstiods, Rotate does it for you"
	case errors.As(err, &level):
		return level.Remedy
	case errors.As(err, &unsynced):
		return unsynced.Level.Hint()
	case errors.As(err, &exists):
		return "another run works on this link, or stopped in the middle: call again"
	case errors.As(err, &unknown):
		return "look at that object, or call again: the next call reads what is there and repairs it"
	case advice != "":
		return advice
	case apierrors.IsUnauthorized(err):
		return "the credential has expired, was revoked, or is for another cluster"
	case apierrors.IsForbidden(err):
		return "give the caller this permission; the package documentation lists the permissions for both clusters"
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		return "somebody else changed the object at the same time: call again"
	case errors.As(err, &authority):
		return "the CA does not verify this API server: pass the CA of the server that answers at this address"
	case errors.As(err, &host):
		return "the certificate names other hosts: set Endpoint.TLSServerName to one of them"
	case errors.Is(err, context.DeadlineExceeded) && !unreachable(err), errors.Is(err, context.Canceled):
		return "call again with more time; the report says what was kept and what was undone"
	case errors.As(err, &endpoint) && endpoint.Whose == whoseLink:
		return "correct Link.Endpoint, or check that the server behind it runs and can be reached from here"
	case connection(err):
		return "check that the API server runs and that its address can be reached from here"
	}
	return ""
}
