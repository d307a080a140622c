package mesh

import (
	"context"
	"crypto/x509"
	"errors"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/secrets"
)

// Codes are the reasons of conditions and Events: what kind of failure it is. The message has the next step.
const (
	ReasonAllWell              = "AllWell"
	ReasonNone                 = "None"             // no link drifted, no hazard was met
	ReasonProgressing          = "Progressing"      // links are still to be brought to this generation
	ReasonNoMembers            = "TooFewMembers"    // fewer than two
	ReasonSourceUnknown        = "SourceUnknown"    // the list of members cannot be read
	ReasonMemberUnknown        = "MemberUnknown"    // one of them cannot be described or connected to
	ReasonUnreachable          = "Unreachable"      // an API server does not answer
	ReasonUntrusted            = "Untrusted"        // its certificate does not verify
	ReasonForeignObject        = "ForeignObject"    // somebody else's object has a name of the link
	ReasonDuplicateCluster     = "DuplicateCluster" // another remote secret names the cluster
	ReasonSameCluster          = "SameCluster"      // two members are one cluster
	ReasonMissingRights        = "MissingRights"    // the reader lacks rights that istiod needs
	ReasonWrongIdentity        = "WrongIdentity"    // a token speaks for another account
	ReasonRefusedToken         = "RefusedToken"     // the API server refuses a token
	ReasonPreflight            = "PreflightFailed"  // a blocking check failed
	ReasonHazard               = "VersionHazard"    // the version of an istiod
	ReasonNotSynced            = "NotSynced"        // an istiod does not read the cluster
	ReasonNotSeen              = "NotSeen"          // it could not be asked
	ReasonNoAnswer             = "NoAnswer"         // no request over the link was answered as it should be
	ReasonNotTried             = "NotTried"         // nobody has called over the link yet
	ReasonStale                = "Stale"            // a change did not arrive in time
	ReasonBusy                 = "Busy"             // another run works on the link
	ReasonForbidden            = "Forbidden"        // the controller lacks a permission in a member
	ReasonUnauthorized         = "Unauthorized"     // the controller's own credential is refused
	ReasonConflict             = "Conflict"         // somebody wrote at the same time
	ReasonTimeout              = "Timeout"          // it took too long, or the controller stopped
	ReasonRenewalFailed        = "RenewalFailed"    // the credential is due and could not be replaced
	ReasonExpired              = "Expired"          // the credential's life is over
	ReasonRepaired             = "Repaired"         // an object of the link was not as it was left
	ReasonWouldChange          = "WouldChange"      // mode Observe saw what Enforce would write
	ReasonLeftovers            = "Leftovers"        // objects could not be removed
	ReasonDeadlineExceeded     = "DeadlineExceeded" // removal was given up
	ReasonFailed               = "Failed"           // anything else: the message has it
	reasonRemoved              = "Removed"          // of Events
	reasonWell                 = "LinkWell"         // of Events
	actionReconcile            = "Reconcile"        // of Events
	maxMessage             int = 300                // bytes of a message
)

// reasonOf is the code of a failure, and whether it says that something could not be seen, which is not that it is wrong.
func reasonOf(err error) (reason string, unknown bool) {
	var (
		foreign   *peering.ForeignObjectError
		duplicate *peering.DuplicateClusterError
		same      *peering.SameClusterError
		rights    *peering.MissingRightsError
		identity  *peering.WrongIdentityError
		refused   *peering.RefusedTokenError
		preflight *peering.PreflightError
		hazard    *peering.HazardError
		unsynced  *peering.NotSyncedError
		level     *traffic.LevelError
		exists    *secrets.ExistsError
		member    *MemberError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		endpoint  *peering.EndpointError
		dial      *net.OpError
	)
	switch {
	case errors.As(err, &foreign):
		return ReasonForeignObject, false
	case errors.As(err, &duplicate):
		return ReasonDuplicateCluster, false
	case errors.As(err, &same):
		return ReasonSameCluster, false
	case errors.As(err, &rights):
		return ReasonMissingRights, false
	case errors.As(err, &identity):
		return ReasonWrongIdentity, false
	case errors.As(err, &refused):
		return ReasonRefusedToken, false
	case errors.As(err, &preflight):
		return ReasonPreflight, false
	case errors.As(err, &hazard):
		return ReasonHazard, false
	case errors.As(err, &unsynced):
		return ReasonNotSynced, false
	case errors.As(err, &level):
		return ReasonNoAnswer, false
	case errors.As(err, &exists):
		return ReasonBusy, true
	case errors.As(err, &member):
		return ReasonMemberUnknown, true
	case apierrors.IsForbidden(err):
		return ReasonForbidden, false
	case apierrors.IsUnauthorized(err):
		return ReasonUnauthorized, false
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return ReasonConflict, true
	case errors.As(err, &authority), errors.As(err, &host):
		return ReasonUntrusted, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, ErrHeld):
		return ReasonTimeout, true
	case errors.As(err, &endpoint), errors.As(err, &dial):
		return ReasonUnreachable, true
	}
	return ReasonFailed, false
}

// conditionOf is the condition that a failure in a stage is told by.
func conditionOf(stage peering.Stage) string {
	switch stage {
	case peering.StageGrant:
		return v1alpha1.Granted
	case peering.StageMint, peering.StageShare, peering.StageRevoke:
		return v1alpha1.CredentialFresh
	case peering.StageSync:
		return v1alpha1.Synced
	case peering.StageProbe:
		return v1alpha1.TrafficProved
	}
	return v1alpha1.Ready
}
