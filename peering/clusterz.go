package peering

import (
	"context"
	"encoding/json"
	"fmt"
)

// SyncStatus is how far an istiod replica got with a remote cluster, in istiod's own words
// (pkg/kube/multicluster/cluster.go), and NotSeen for one that it does not list.
type SyncStatus string

const (
	Synced   SyncStatus = "synced"   // all informers have their first list. It stays so when the credential stops working later.
	Syncing  SyncStatus = "syncing"  // not yet
	TimedOut SyncStatus = "timeout"  // not within PILOT_REMOTE_CLUSTER_TIMEOUT (30 s); a late sync still turns it into synced
	Closed   SyncStatus = "closed"   // being removed
	NotSeen  SyncStatus = "not seen" // istiod does not know the cluster
	// Hollow is said of a replica that reports synced, but lost endpoints or gateways which it had before the credential
	// changed, or has not looked at the change yet.
	Hollow SyncStatus = "synced without what it held"
)

// hint says what a replica that stays at this level suffers from.
func (s SyncStatus) hint() string {
	switch s {
	case NotSeen:
		return "istiod refused or never saw the Secret: is it in istiod's own namespace, is the ID istiod's own CLUSTER_ID or in a second Secret, " +
			"does PILOT_MULTICLUSTER_KUBECONFIG_PATH replace Secrets?"
	case Syncing, TimedOut:
		return "istiod cannot list something there: is the endpoint reachable from istiod's pods, and may the reader list and watch all that istiod needs?"
	case Hollow:
		return "restart this istiod: 1.29.0 to 1.30.3 miss changes of a remote secret or lose endpoints over them (istio/istio#59875, #60612, #61043, #60920)"
	case Closed:
		return "istiod is removing the cluster: call again"
	}
	return ""
}

// RemoteCluster is one line of istiod's /debug/clusterz.
type RemoteCluster struct {
	ID     string     `json:"id"`
	Secret string     `json:"secretName"` // namespace/name; empty for istiod's own cluster
	Status SyncStatus `json:"syncStatus"`
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

// status of one remote cluster at this replica; NotSeen if it is listed for another Secret or not at all.
func (r Replica) status(ctx context.Context, id ID, secret string) (SyncStatus, error) {
	clusters, err := r.Clusterz(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range clusters {
		if c.ID == id.String() && (secret == "" || c.Secret == secret) {
			return c.Status, nil
		}
	}
	return NotSeen, nil
}
