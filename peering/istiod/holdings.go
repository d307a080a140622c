package istiod

import (
	"cmp"
	"context"
	"strings"
)

const shardz = "/debug/endpointShardz"

// Holding is HoldingsOf one cluster.
func (r Replica) Holding(ctx context.Context, id string) (*Holding, error) {
	all, err := r.HoldingsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return all[id], nil
}

// HoldingsOf reads /debug/endpointShardz and /debug/networkz (pilot/pkg/xds/debug.go) once for all the clusters, endpoint by
// endpoint. Each cluster has an entry, which is empty if the replica has nothing of it.
func (r Replica) HoldingsOf(ctx context.Context, clusters ...string) (map[string]*Holding, error) {
	all := make(map[string]*Holding, len(clusters))
	for _, id := range clusters {
		all[id] = NewHolding(nil, nil)
	}
	err := r.read(ctx, shardz, func(d document) error {
		return d.object(func(host string) error {
			return d.object(func(namespace string) error {
				return d.shards(func(cluster string) {
					if h := all[cluster]; h != nil {
						h.services[Service{namespace, host}] = true
					}
				})
			})
		})
	})
	if err != nil {
		return nil, err
	}
	gateways, err := r.Gateways(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		if h := all[g.Cluster]; h != nil {
			h.gateways[Gateway{g.Network, g.Addr, g.Port}] = true
		}
	}
	return all, nil
}

// shards of one host in one namespace: has is called for each cluster with an endpoint.
func (d document) shards(has func(cluster string)) error {
	return d.object(func(key string) error {
		if key != "Shards" {
			return d.skip()
		}
		return d.object(func(key string) error {
			cluster, kubernetes := strings.CutPrefix(key, "Kubernetes/")
			some := false
			err := d.array(func() error {
				some = true
				return d.skip()
			})
			if some && kubernetes {
				has(cluster)
			}
			return err
		})
	})
}

func (s Service) compare(o Service) int {
	return cmp.Or(strings.Compare(s.Namespace, o.Namespace), strings.Compare(s.Host, o.Host))
}

func (g Gateway) compare(o Gateway) int {
	return cmp.Or(strings.Compare(g.Network, o.Network), strings.Compare(g.Addr, o.Addr), cmp.Compare(g.Port, o.Port))
}
