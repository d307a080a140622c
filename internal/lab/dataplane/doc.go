// Package dataplane makes Pods of one cluster run, gives them names and Services, and holds what their images contain.
//
// It composes the small packages of the lab: node runs Pods as processes, service answers names and ClusterIPs, nft sends a
// Pod's traffic through its sidecar, network gives each Pod its own interface. What is in the cluster — objects, injection,
// the scenario — is of package clusters.
package dataplane
