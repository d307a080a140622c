// Package service makes a cluster's Services work for programs that have no sidecar: their names resolve, and a connection
// to a ClusterIP or a load balancer's address reaches a ready endpoint.
//
// It replaces CoreDNS, kube-proxy (in its oldest, userspace way) and a cloud's load balancer: where a
// Service has ready endpoints somebody listens at its addresses and copies bytes, elsewhere the connection is refused.
// All ClusterIPs must be local addresses of the network namespace the package runs in.
package service
