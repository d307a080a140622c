package peering

import "github.com/meshpeer/meshpeer/secrets"

// Link is one direction of peering: workloads of From reach services of To, and to that end the istiod of From reads the
// API server of To. Role and token live in To, the remote secret lives in From.
type Link struct {
	From, To *Cluster
	// Endpoint is To's API server as From's istiod reaches it, for example its VPC or public address. Nil means To's own
	// Endpoint, the one that Connect was given. If CA is empty, one is chosen by dialling the server.
	Endpoint *secrets.Endpoint
}

// String is "from -> to".
func (l Link) String() string { return l.From.ID.String() + " -> " + l.To.ID.String() }

// endpoint is the address that goes into the remote secret.
func (l Link) endpoint() secrets.Endpoint {
	if l.Endpoint != nil {
		return *l.Endpoint
	}
	return l.To.Endpoint
}

// Mesh returns a link for every ordered pair of the clusters: all of them reach each other.
func Mesh(clusters ...*Cluster) []Link {
	var links []Link
	for _, from := range clusters {
		for _, to := range clusters {
			if from != to {
				links = append(links, Link{From: from, To: to})
			}
		}
	}
	return links
}

// Star returns both directions between the hub and each member; members do not reach each other.
func Star(hub *Cluster, members ...*Cluster) []Link {
	var links []Link
	for _, m := range members {
		links = append(links, Link{From: hub, To: m}, Link{From: m, To: hub})
	}
	return links
}
