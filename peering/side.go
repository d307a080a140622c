package peering

import "github.com/meshpeer/meshpeer/peering/traffic"

// Side is the cluster as package traffic looks at it.
func (c *Cluster) Side() traffic.Side {
	side := traffic.Side{ID: c.ID.String(), Namespace: c.namespace(), Hosted: c.Hosted, Objects: c.Objects, Exec: c.Exec}
	if c.Istiods != nil {
		side.Replicas = c.Istiods.Replicas
	}
	return side
}

// Sides are both ends of the link, as the checks of package traffic take them: workload.Who(link.Sides()).
func (l Link) Sides() (from, to traffic.Side) { return l.From.Side(), l.To.Side() }
