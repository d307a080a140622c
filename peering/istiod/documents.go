package istiod

import (
	"context"
	"encoding/json"
	"fmt"
)

// RemoteCluster is one line of istiod's /debug/clusterz.
type RemoteCluster struct {
	ID     string `json:"id"`
	Secret string `json:"secretName"` // namespace/name; empty for istiod's own cluster
	Status Status `json:"syncStatus"`
}

// Clusterz asks the replica which clusters it reads.
func (r Replica) Clusterz(ctx context.Context) ([]RemoteCluster, error) {
	body, err := r.Debug(ctx, "/debug/clusterz")
	if err != nil {
		return nil, err
	}
	var clusters []RemoteCluster
	if err := json.Unmarshal(body, &clusters); err != nil {
		return nil, fmt.Errorf("%w: /debug/clusterz of %s: %w", ErrNotReady, r.Name, err)
	}
	return clusters, nil
}

// Status of one remote cluster at this replica; NotSeen if it is listed for another Secret or not at all.
func (r Replica) Status(ctx context.Context, id, secret string) (Status, error) {
	clusters, err := r.Clusterz(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range clusters {
		if c.ID == id && (secret == "" || c.Secret == secret) {
			return c.Status, nil
		}
	}
	return NotSeen, nil
}

// ShardEndpoint is an endpoint as istiod has it in its shards (Istio pilot/pkg/model.IstioEndpoint), by its names in JSON.
type ShardEndpoint struct {
	Addresses []string
	Address   string // up to 1.23, in place of Addresses
	TLSMode   string // "istio" where mutual TLS is taken
}

// Shards are the endpoints that a replica has, by host, by namespace of the Service, and by the cluster that tells of them.
func (r Replica) Shards(ctx context.Context) (map[string]map[string]HostShards, error) {
	var all map[string]map[string]HostShards
	return all, r.get(ctx, "/debug/endpointShardz", &all)
}

// HostShards has keys such as Kubernetes/cluster-1.
type HostShards struct{ Shards map[string][]ShardEndpoint }

// NetworkGateway is an east-west gateway that a replica knows (Istio pilot/pkg/model.NetworkGateway).
type NetworkGateway struct {
	Network, Cluster, Addr string
	Port                   int // for sidecars; 0 is none
	HBONEPort              int // for ambient clients; 0 is none, as in versions that know no ambient mode
}

// Gateways are those that a replica knows.
func (r Replica) Gateways(ctx context.Context) ([]NetworkGateway, error) {
	var all []NetworkGateway
	return all, r.get(ctx, "/debug/networkz", &all)
}

// get reads a debug path (Istio pilot/pkg/xds/debug.go).
func (r Replica) get(ctx context.Context, path string, out any) error {
	body, err := r.Debug(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%w: %s of %s: %w", ErrNotReady, path, r.Name, err)
	}
	return nil
}
