//go:build linux

package labtest

import (
	"context"
	"encoding/json"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// Look asks an istiod for the state of a remote cluster and whether it has an endpoint of it.
func Look(ctx context.Context, replica *lab.Istiod, id string) (istiod.Status, bool, error) {
	clusters, err := replica.Clusterz(ctx)
	if err != nil {
		return "", false, err
	}
	status := istiod.NotSeen
	for _, c := range clusters {
		if c.ID == id {
			status = istiod.Status(c.SyncStatus)
		}
	}
	n, err := Endpoints(ctx, replica, "kubernetes", id)
	return status, n > 0, err
}

// Endpoints is how many endpoints of a cluster an istiod has for a service of the namespace default.
func Endpoints(ctx context.Context, replica *lab.Istiod, service, id string) (int, error) {
	body, err := replica.Debug(ctx, "/debug/endpointShardz")
	if err != nil {
		return 0, err
	}
	var shards map[string]map[string]struct{ Shards map[string][]json.RawMessage }
	if err := json.Unmarshal(body, &shards); err != nil {
		return 0, err
	}
	return len(shards[service+".default.svc.cluster.local"]["default"].Shards["Kubernetes/"+id]), nil
}
