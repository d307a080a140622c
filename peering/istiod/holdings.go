package istiod

import (
	"bytes"
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
	err := r.read(ctx, shardz, func(d *document) error {
		return d.object(func(key []byte) error {
			host := string(key)
			return d.object(func(key []byte) error {
				service := Service{string(key), host}
				return d.shards(func(cluster []byte) *Holding { return all[string(cluster)] }, service)
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

// shards of a service are read: each cluster with an endpoint holds it, as far as somebody asks for what it holds.
func (d *document) shards(holding func(cluster []byte) *Holding, service Service) error {
	return d.object(func(key []byte) error {
		if string(key) != "Shards" {
			return d.skip()
		}
		return d.object(func(key []byte) error {
			cluster, kubernetes := bytes.CutPrefix(key, []byte("Kubernetes/"))
			var asked *Holding
			if kubernetes {
				asked = holding(cluster)
			}
			return d.array(func() error {
				if asked != nil {
					asked.services[service] = true
				}
				return d.skip()
			})
		})
	})
}

func (s Service) compare(o Service) int {
	return cmp.Or(strings.Compare(s.Namespace, o.Namespace), strings.Compare(s.Host, o.Host))
}

func (g Gateway) compare(o Gateway) int {
	return cmp.Or(strings.Compare(g.Network, o.Network), strings.Compare(g.Addr, o.Addr), cmp.Compare(g.Port, o.Port))
}
