package peering

import (
	"context"
	"net"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Cluster is one member of a mesh, as a struct of small seams. [Connect] fills all of them from a rest.Config; a test or
// a tool with other means (a GitOps writer, a management plane) fills them itself. Safe for concurrent use if its
// seams are.
type Cluster struct {
	ID        ID
	Namespace string // where istiod runs and reads remote secrets; "" is istio-system
	// Hosted says that the control plane of this cluster runs elsewhere and is not ours to write to (ASM's managed
	// control plane): links from it are verified, never written.
	Hosted   bool
	Endpoint secrets.Endpoint // the API server, as other clusters' istiods are to reach it

	Objects  Objects                                                // the API server, with the caller's rights
	As       func(secrets.Endpoint, secrets.Token) (Objects, error) // the API server as a token's bearer sees it
	Accounts func(namespace string) secrets.TokenCreator            // TokenRequest; needed for bound tokens only
	Istiods  SyncReader                                             // every istiod replica; nil: their state is unknown
	// Exec runs commands in a container of a pod, for levels of Verify that ask from inside a workload; nil: nothing can be
	// run there, and these levels are Unknown. Executor chooses pods by their Deployment.
	Exec func(namespace, pod, container string) probe.Executor
	// Dial opens connections to addresses of the API server from here; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Checks is what preflight sees of the cluster; nil: links of this cluster are changed without a preflight.
	Checks *preflight.Side

	warnings *warnings // of the API server, collected for the report
}

// Object is a Kubernetes API object; every kind of k8s.io/api fits.
type Object = kube.Object

// Objects reads and writes objects of one API server. Errors are those of k8s.io/apimachinery/pkg/api/errors. Namespaced
// kinds are addressed by the namespace of the object given, and listed in all namespaces without one; returned objects are
// of the Go type given, which may be *unstructured.Unstructured, and the caller's to change.
//
// An implementation must honour resourceVersion in Update, and UID and resourceVersion in Delete, as the API server does:
// the promise that nothing foreign is edited rests on it. peeringtest.TestObjects checks one.
type Objects interface {
	Get(context.Context, Object) (Object, error)
	List(ctx context.Context, like Object, labelSelector string) ([]Object, error)
	Create(context.Context, Object) (Object, error)
	Update(context.Context, Object) (Object, error)
	Delete(context.Context, Object) error
}

// SyncReader finds the istiod replicas of a cluster.
type SyncReader interface {
	Replicas(context.Context) ([]istiod.Replica, error)
}

func (c *Cluster) namespace() string {
	if c.Namespace == "" {
		return "istio-system"
	}
	return c.Namespace
}
