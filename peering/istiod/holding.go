package istiod

import (
	"context"
	"strconv"
)

// Holding is what a replica has of a remote cluster. After a rotation "synced" alone does not prove anything: it describes
// the first sync, and some versions lose endpoints or gateways when the credential changes.
type Holding struct {
	hosts    map[string]bool // services with endpoints there
	gateways map[string]bool // network gateways there
}

// Holding reads /debug/endpointShardz and /debug/networkz (pilot/pkg/xds/debug.go).
func (r Replica) Holding(ctx context.Context, id string) (*Holding, error) {
	h := &Holding{hosts: map[string]bool{}, gateways: map[string]bool{}}
	shards, err := r.Shards(ctx)
	if err != nil {
		return nil, err
	}
	for host, namespaces := range shards {
		for namespace, s := range namespaces {
			if len(s.Shards["Kubernetes/"+id]) > 0 {
				h.hosts[namespace+"/"+host] = true
			}
		}
	}
	gateways, err := r.Gateways(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		if g.Cluster == id {
			h.gateways[g.Network+" "+g.Addr+":"+strconv.Itoa(g.Port)] = true
		}
	}
	return h, nil
}

// Covers says whether h has all that before had.
func (h *Holding) Covers(before *Holding) bool {
	for _, pair := range [][2]map[string]bool{{before.hosts, h.hosts}, {before.gateways, h.gateways}} {
		for k := range pair[0] {
			if !pair[1][k] {
				return false
			}
		}
	}
	return true
}
