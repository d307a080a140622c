package members

import (
	"context"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
)

// Metrics are told of connections and their requests (package metrics).
type Metrics interface {
	// Connected says whether a member can be connected to, as far as its description goes.
	Connected(mesh types.NamespacedName, id string, yes bool)
	// Answered counts a request; code 0: no answer.
	Answered(mesh types.NamespacedName, id, method string, code int)
	// Members are all members of a mesh as of now: the series of others go.
	Members(mesh types.NamespacedName, ids []string)
}

// Cache holds the connections of all meshes. It is a mesh.Connector, safe for concurrent use: one Connect waits for no other.
type Cache struct {
	// Refused, if set, is called when an API server refuses the credential of a member: the source may have another one by now.
	// It is called once for each credential, and must not block. Set it before the first Connect.
	Refused func(mesh types.NamespacedName, id peering.ID)

	metrics Metrics

	mu          sync.Mutex
	connections map[key]*connection
}

type key struct {
	mesh types.NamespacedName
	id   peering.ID
}

// New is without connections.
func New(m Metrics) *Cache { return &Cache{metrics: m, connections: map[key]*connection{}} }

// Connect is mesh.Connector. It makes no request.
func (c *Cache) Connect(_ context.Context, name types.NamespacedName, m mesh.Member) (*peering.Cluster, error) {
	k := key{name, m.ID}
	if m.Err != nil {
		c.metrics.Connected(name, m.ID.String(), false)
		return nil, m.Err
	}
	identity, bearer, err := describe(m)
	if err != nil {
		c.metrics.Connected(name, m.ID.String(), false)
		return nil, err
	}
	c.mu.Lock()
	known := c.connections[k]
	c.mu.Unlock()
	if known != nil && known.identity == identity {
		known.use(bearer)
		c.metrics.Connected(name, m.ID.String(), true)
		return known.cluster, nil
	}
	// Files are read and certificates parsed here, so without the lock.
	made, err := c.connect(k, m, identity, bearer)
	if err != nil {
		c.metrics.Connected(name, m.ID.String(), false)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.connections[k]; known != nil && known.identity == identity { // of a call at the same time
		known.use(bearer)
		made.end()
		made = known
	} else if known != nil {
		known.end()
	}
	c.connections[k] = made
	c.metrics.Connected(name, m.ID.String(), true)
	return made.cluster, nil
}

// Last is mesh.Connector.
func (c *Cache) Last(name types.NamespacedName, id peering.ID) (*peering.Cluster, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.connections[key{name, id}]
	if known == nil {
		return nil, false
	}
	return known.cluster, true
}

// Keep is mesh.Connector.
func (c *Cache) Keep(name types.NamespacedName, ids ...peering.ID) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	c.mu.Lock()
	maps.DeleteFunc(c.connections, func(k key, known *connection) bool {
		gone := k.mesh == name && !slices.Contains(ids, k.id)
		if gone {
			known.end()
		}
		return gone
	})
	c.mu.Unlock()
	c.metrics.Members(name, texts)
}

// Close ends all connections.
func (c *Cache) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.connections {
		known.end()
	}
	clear(c.connections)
}
