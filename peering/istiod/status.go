// Package istiod asks the control planes of a mesh, replica by replica, how far they got with the clusters that they read: it
// finds istiods as Pods, reads their debug documents, and waits for a state with one reader for all who wait.
package istiod

// Status is how far an istiod replica got with a remote cluster, in istiod's own words
// (pkg/kube/multicluster/cluster.go), and NotSeen for one that it does not list.
type Status string

const (
	Synced   Status = "synced"   // all informers have their first list. It stays so when the credential stops working later.
	Syncing  Status = "syncing"  // not yet
	TimedOut Status = "timeout"  // not within PILOT_REMOTE_CLUSTER_TIMEOUT (30 s); a late sync still turns it into synced
	Closed   Status = "closed"   // being removed
	NotSeen  Status = "not seen" // istiod does not know the cluster
	// Degraded is said of a replica that reports synced, but lost endpoints or gateways which it had before the credential
	// changed, or has not looked at the change yet.
	Degraded Status = "synced without what it held"
)

// Hint says what a replica that stays at this level suffers from.
func (s Status) Hint() string {
	switch s {
	case NotSeen:
		return "istiod refused or never saw the Secret: is it in istiod's own namespace, is the ID istiod's own CLUSTER_ID or in a second Secret, " +
			"does PILOT_MULTICLUSTER_KUBECONFIG_PATH replace Secrets?"
	case Syncing, TimedOut:
		return "istiod cannot list something there: is the endpoint reachable from istiod's pods, and may the reader list and watch all that istiod needs?"
	case Degraded:
		return "restart this istiod: 1.29.0 to 1.30.3 miss changes of a remote secret or lose endpoints over them (istio/istio#59875, #60612, #61043, #60920)"
	case Closed:
		return "istiod is removing the cluster: call again"
	}
	return ""
}
