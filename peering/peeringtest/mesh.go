package peeringtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// Mesh is a set of clusters whose istiods can reach each other's API servers.
type Mesh struct{ members []*Member }

// Member is one cluster in memory. Pass Cluster to the program under test; the rest is for the test.
type Member struct {
	*peering.Cluster
	*Server
	Istiods *Istiods
	// PreferLocal keeps requests in the member as long as it has pods of the service, as locality load balancing does.
	PreferLocal bool

	traffic sync.Mutex // of commands in pods
	turn    int        // of endpoints
}

// NewMesh makes a cluster for each ID. Each has one istiod replica, istiod-1. It panics on an invalid ID and on one that is
// given twice.
func NewMesh(ids ...string) *Mesh {
	m := &Mesh{}
	for _, s := range ids {
		id, err := peering.ParseIstioID(s)
		if err != nil {
			panic(err)
		}
		if m.Member(s) != nil {
			panic(fmt.Sprintf("peeringtest: NewMesh: ID %q is given twice", s))
		}
		endpoint := secrets.Endpoint{Server: fmt.Sprintf("https://%s.example:6443", rand.Text()), CA: throwawayCA()}
		server := newServer(endpoint)
		server.id, server.pods = s, fmt.Sprintf("10.%d.0", len(m.members)+1)
		istiods := &Istiods{mesh: m, server: server, id: s, version: "1.31.0", replicas: []string{"istiod-1"}, stuck: map[string]istiod.Status{}, failures: map[string]error{}, revisions: map[string]string{}, content: map[string]string{}}
		member := &Member{
			Server: server, Istiods: istiods,
			Cluster: &peering.Cluster{
				ID: id, Endpoint: endpoint, Objects: server, As: m.as, Accounts: server.accounts, Istiods: istiods, Dial: refuse, Checks: server.checks(s),
			},
		}
		member.Cluster.Exec = member.exec
		m.members = append(m.members, member)

	}
	return m
}

// ServeAt makes the API server of m answer at one more URL, as a second address or a proxy in front of it does. Call it
// before the mesh is used.
func (m *Member) ServeAt(url string) { m.urls = append(m.urls, url) }

// Member is the cluster with the ID; nil if there is none.
func (m *Mesh) Member(id string) *Member {
	for _, member := range m.members {
		if member.ID.String() == id {
			return member
		}
	}
	return nil
}

// Clusters are all members, as peering.Mesh takes them.
func (m *Mesh) Clusters() []*peering.Cluster {
	clusters := make([]*peering.Cluster, len(m.members))
	for i, member := range m.members {
		clusters[i] = member.Cluster
	}
	return clusters
}

// at is the API server behind a URL; nil if nothing listens there.
func (m *Mesh) at(url string) *Server {
	for _, member := range m.members {
		if member.endpoint.Server == url || slices.Contains(member.urls, url) {
			return member.Server
		}
	}
	return nil
}

// refuse is Cluster.Dial: nothing here listens.
func refuse(context.Context, string, string) (net.Conn, error) { return nil, errRefused }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
