// Package mesh is the controller as a library: a Reconciler that keeps the links of a Mesh as its spec wants them.
//
// All that it does to clusters it does through peering.Peering. What else it needs are the four interfaces of this file, each
// with an implementation in a folder beside this one: Source (source), Connector (members), Fence (fence), Metrics (metrics).
package mesh

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Source lists the clusters of a mesh.
type Source interface {
	// Members are all clusters that the source names, by ID, each once. An error says that the list is not known: nobody has
	// joined or left then. A member that is named but cannot be described has Err, and has not left either.
	Members(context.Context) ([]Member, error)
}

// Member describes a cluster and how to connect to it. Config holds credentials: nothing prints it.
type Member struct {
	ID     peering.ID
	Config *rest.Config // nil with Err
	// Options as peering.Connect takes them: istiod's namespace and selector, a hosted control plane, the API server's address
	// for other clusters' istiods.
	Options peering.ConnectOptions
	// Endpoints are the API server's addresses for the istiods of single clusters, by their IDs, where Options.Endpoint is not
	// the one for all.
	Endpoints map[peering.ID]secrets.Endpoint
	Err       error // why it cannot be described; names the object, holds no secret
}

// Connector connects to members and keeps the connections.
type Connector interface {
	// Connect returns the cluster of m, the one of the last call if m's Config and Options say the same. Where only the bearer
	// token changed the connection stays and uses the new one. It makes no request.
	Connect(ctx context.Context, mesh types.NamespacedName, m Member) (*peering.Cluster, error)
	// Last is the cluster of the last Connect with this ID; false if there was none in this process. A member that left is
	// cleaned up through it.
	Last(mesh types.NamespacedName, id peering.ID) (*peering.Cluster, bool)
	// Keep closes the connections of the mesh except those of the IDs.
	Keep(mesh types.NamespacedName, ids ...peering.ID)
}

// ErrHeld says that another process holds a fence.
var ErrHeld = errors.New("another process works on it")

// Fence keeps two processes from working on the same link, also when both think that they lead.
type Fence interface {
	// Hold takes the fence of a cluster that is read (a link's To) and keeps it until release, which may be called twice and
	// lets others take it at once. The context that it returns is ctx until the fence is lost, with the reason as its cause;
	// release ends it too. The error is ErrHeld, or why the fence could not be asked for; then nothing is held.
	Hold(ctx context.Context, to peering.ID) (held context.Context, release func(), err error)
}

// NoFence is for a program that runs once.
type NoFence struct{}

// Hold holds nothing.
func (NoFence) Hold(ctx context.Context, _ peering.ID) (context.Context, func(), error) {
	ctx, release := context.WithCancel(ctx)
	return ctx, release, nil
}

// Metrics are told what the Reconciler saw and did. Calls come from several goroutines.
type Metrics interface {
	// Links are all links of a mesh as of now: those that are not among them are gone. (credential_expiry_timestamp_seconds,
	// link_condition, drift)
	Links(mesh types.NamespacedName, links []v1alpha1.LinkStatus)
	// Rotated counts one attempt to replace a credential; err is nil if it worked. (rotation_total{result})
	Rotated(mesh types.NamespacedName, link Pair, err error)
	// Freshness is how long a change in To took to reach every istiod of From; at least so long if it did not arrive.
	// (discovery_freshness_seconds)
	Freshness(mesh types.NamespacedName, link Pair, took time.Duration, arrived bool)
	// Forget drops all series of a mesh.
	Forget(mesh types.NamespacedName)
}

// NoMetrics drops all.
type NoMetrics struct{}

func (NoMetrics) Links(types.NamespacedName, []v1alpha1.LinkStatus)         {}
func (NoMetrics) Rotated(types.NamespacedName, Pair, error)                 {}
func (NoMetrics) Freshness(types.NamespacedName, Pair, time.Duration, bool) {}
func (NoMetrics) Forget(types.NamespacedName)                               {}

// Pair names a link.
type Pair struct{ From, To string }

func (p Pair) String() string { return p.From + " -> " + p.To }
