//go:build linux

package lab

import (
	"context"

	"github.com/meshpeer/meshpeer/internal/lab/audit"
	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/clusters"
)

// What a lab is made of: see package clusters.
type (
	Lab            = clusters.Lab
	Cluster        = clusters.Cluster
	Istiod         = clusters.Istiod
	RemoteCluster  = clusters.RemoteCluster
	Options        = clusters.Options
	ClusterOptions = clusters.ClusterOptions
	Topology       = clusters.Topology
	DataPlane      = clusters.DataPlane
	Revision       = clusters.Revision
)

// What the API servers' audit logs say: see package audit.
type (
	AuditEvent = audit.Event
	AuditMark  = audit.Mark
	AuditCount = audit.Count
)

// Release is a version of Istio that labs can run: see package build.
type Release = build.Release

// Releases lists the versions, the oldest first; the lab's own is the last.
func Releases() []Release { return build.Releases() }

// FindRelease finds a release by its name, or by its minor version where one release alone has it; "" is the lab's own.
func FindRelease(name string) (Release, error) { return build.FindRelease(name) }

// Users of every cluster.
const (
	// UserAdmin is the user that Cluster.Config acts as.
	UserAdmin = clusters.UserAdmin
	// UserLimited may authenticate and nothing else.
	UserLimited = clusters.UserLimited
)

// Start starts all clusters and waits until every istiod is ready. On failure it cleans up, and the error holds the end of
// the failing process' log. Enter must have returned nil before.
func Start(ctx context.Context, o Options) (*Lab, error) { return clusters.Start(ctx, o) }

// CountAudit counts the events for which keep says true; a nil keep counts all.
func CountAudit(events []AuditEvent, keep func(AuditEvent) bool) AuditCount {
	return audit.CountEvents(events, keep)
}
