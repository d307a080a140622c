package peering

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
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
		return unsynced.next()
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

// Where the address of an API server comes from.
const (
	whoseLink    = "Link.Endpoint, given by the caller"
	whoseCluster = "Cluster.Endpoint"
	whoseOwn     = "the caller's own connection"
)

// whose endpoint of To the link uses.
func (l Link) whose() string {
	if l.Endpoint != nil {
		return whoseLink
	}
	return whoseCluster
}

// at says of a failed connection to e which address that was and whose. Answers of an API server stay as they are.
func at(id ID, whose string, e secrets.Endpoint, err error) error {
	var named *EndpointError
	if err == nil || !connection(err) || errors.As(err, &named) {
		return err
	}
	return &EndpointError{Cluster: id, Whose: whose, Address: hostPort(e.Server, "443"), Proxy: hostPort(e.ProxyURL, "80"), Err: err}
}

// own is at for the caller's own connection, whose address client-go's errors name. Cluster.Endpoint may be another.
func own(c *Cluster, err error) error {
	var named *EndpointError
	var source *sourceError
	if err == nil || !connection(err) || errors.As(err, &named) || errors.As(err, &source) {
		return err
	}
	var request *url.Error
	if errors.As(err, &request) {
		return &EndpointError{Cluster: c.ID, Whose: whoseOwn, Err: err}
	}
	return &EndpointError{Cluster: c.ID, Whose: whoseOwn + "; " + whoseCluster + " is " + cmp.Or(hostPort(c.Endpoint.Server, "443"), "empty"), Err: err}
}

// hostPort is the address in a URL, without user information; "" if there is none that could be read.
func hostPort(raw, port string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	switch {
	case u.Port() != "":
		port = u.Port()
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "socks5":
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// connection tells a failure on the way to an API server from an answer of it.
func connection(err error) bool {
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		return false
	}
	var request *url.Error
	return unreachable(err) || untrusted(err) || errors.As(err, &request) && !errors.Is(err, context.Canceled)
}

// unreachable tells a server that could not be asked from one that answered, badly or not. The end of the caller's own
// context is neither.
func unreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var (
		answer  apierrors.APIStatus
		dial    *net.OpError
		dns     *net.DNSError
		request *url.Error
	)
	switch {
	case err == nil, errors.As(err, &answer), untrusted(err):
		return false
	case errors.As(err, &dial), errors.As(err, &dns):
		return true
	case errors.As(err, &request):
		return request.Timeout() || errors.Is(request.Err, io.EOF) || errors.Is(request.Err, io.ErrUnexpectedEOF)
	}
	return false
}

// untrusted says that somebody answered whose certificate does not verify, or who does not speak TLS.
func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        *net.OpError // crypto/tls reports an alert of the other side as an operation of its own
	)
	return errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &record)
}

// HazardError says that an istiod may miss a new credential and say synced.
type HazardError struct {
	Version string
	Hazard  preflight.Hazard
}

func (e *HazardError) Error() string {
	return fmt.Sprintf("istiod %s: %s (%s)", line(e.Version), e.Hazard.What, e.Hazard.Source)
}

// hazards are those that a change of the remote secret meets in From's istiods, by version: one replica of another version,
// a canary, hides behind none.
func (t *task) hazards() (all []HazardError) {
	if t.seen.secret == nil {
		return nil
	}
	for _, version := range versionsOf(t.from.istiods) {
		for _, h := range preflight.Hazards(version) {
			if h.When == "" {
				all = append(all, HazardError{Version: version, Hazard: h})
			}
		}
	}
	return all
}

// versionsOf are those that replicas name, each once and in order.
func versionsOf(replicas []istiod.Replica) (all []string) {
	for _, r := range replicas {
		if r.Version != "" {
			all = append(all, r.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// needsRestart says that From's istiods may miss the change until they are restarted.
func (t *task) needsRestart() bool {
	return slices.ContainsFunc(t.hazards(), func(h HazardError) bool { return h.Hazard.Do == preflight.Restart })
}

// dangers refuses a rotation that From's istiod would not survive, and warns of what others need.
func (t *task) dangers() error {
	if t.seen.stale == "" {
		return nil
	}
	for _, h := range t.hazards() {
		unproved := h.Hazard.Do == preflight.Refuse || h.Hazard.Do == preflight.Restart && t.RestartIstiods == nil
		if unproved && t.goal == Rotated {
			return &h
		}
		t.warn(fmt.Sprintf("%s: %s", h.Error(), h.Hazard.Remedy))
	}
	return nil
}
