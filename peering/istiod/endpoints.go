package istiod

import (
	"context"
	"strings"
)

// Endpoints are those that a replica has of one Kubernetes Service of a cluster, ready or not (/debug/endpointShardz,
// pilot/pkg/xds/debug.go). The Service need not exist: istiod goes by the label of EndpointSlices. Only they are in memory.
func (r Replica) Endpoints(ctx context.Context, cluster, namespace, service string) (found []ShardEndpoint, err error) {
	host := service + "." + namespace + ".svc." // what follows is the domain that istiod was told
	err = r.read(ctx, shardz, func(d *document) error {
		return d.object(func(name []byte) error {
			if !strings.HasPrefix(string(name), host) {
				return d.object(func([]byte) error { return d.shards(func([]byte) *Holding { return nil }, Service{}) })
			}
			var namespaces map[string]HostShards
			err := d.decode(&namespaces)
			found = append(found, namespaces[namespace].Shards["Kubernetes/"+cluster]...)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
