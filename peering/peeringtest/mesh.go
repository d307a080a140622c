package peeringtest

import (
	"context"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// Mesh is a set of clusters whose istiods can reach each other's API servers.
type Mesh struct {
	members []*Member
	byID    map[string]*Member
	byURL   map[string]*Server
	needs   needs
	ahead   atomic.Int64 // of Options.Now, in nanoseconds
}

// Member is one cluster in memory. Pass Cluster to the program under test; the rest is for the test.
type Member struct {
	*peering.Cluster
	*Server
	// Istiods of the member, wherever they run. Cluster.Istiods is nil where the program cannot ask them.
	Istiods *Istiods
	// PreferLocal keeps requests in the member as long as it has pods of the service, as locality load balancing does.
	PreferLocal bool

	mesh    *Mesh
	traffic sync.Mutex // of commands in pods
	turn    int        // of endpoints
}

// ServeAt makes the API server of m answer at one more URL, as a second address or a proxy in front of it does. Call it
// before the mesh is used.
func (m *Member) ServeAt(url string) { m.mesh.byURL[url] = m.Server }

// Member is the cluster with the ID; nil if there is none.
func (m *Mesh) Member(id string) *Member { return m.byID[id] }

// Members are all of them, in the order in which they were named.
func (m *Mesh) Members() []*Member { return slices.Clone(m.members) }

// Clusters are all members, as peering.Mesh takes them.
func (m *Mesh) Clusters() []*peering.Cluster {
	clusters := make([]*peering.Cluster, len(m.members))
	for i, member := range m.members {
		clusters[i] = member.Cluster
	}
	return clusters
}

// Advance moves the clock of the API servers and istiods ahead: tokens end, and what is issued from then on is younger. The
// program under test keeps its own clock, so that this is also a difference of clocks. Inside testing/synctest, time.Sleep
// moves both, and a program that waits for Report.RenewAt comes back by itself.
func (m *Mesh) Advance(d time.Duration) { m.ahead.Add(int64(d)) }

// at is the API server behind a URL; nil if nothing listens there.
func (m *Mesh) at(url string) *Server { return m.byURL[url] }

// refuse is Cluster.Dial: nothing here listens.
func refuse(context.Context, string, string) (net.Conn, error) { return nil, errRefused }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
