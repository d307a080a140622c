package peering

import (
	"context"
	"encoding/json"
	"fmt"
)

// shardEndpoint is an endpoint as istiod has it in its shards (Istio pilot/pkg/model.IstioEndpoint), by its names in JSON.
type shardEndpoint struct {
	Addresses []string
	Address   string // up to 1.23, in place of Addresses
	TLSMode   string // "istio" where mutual TLS is taken
}

// shards are the endpoints that a replica has, by host, by namespace of the Service, and by the cluster that tells of them.
func (r Replica) shards(ctx context.Context) (map[string]map[string]hostShards, error) {
	var all map[string]map[string]hostShards
	return all, r.get(ctx, "/debug/endpointShardz", &all)
}

// hostShards has keys such as Kubernetes/cluster-1.
type hostShards struct{ Shards map[string][]shardEndpoint }

// networkGateway is an east-west gateway that a replica knows (Istio pilot/pkg/model.NetworkGateway).
type networkGateway struct {
	Network, Cluster, Addr string
	Port                   int // for sidecars; 0 is none
	HBONEPort              int // for ambient clients; 0 is none, as in versions that know no ambient mode
}

func (r Replica) gateways(ctx context.Context) ([]networkGateway, error) {
	var all []networkGateway
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
