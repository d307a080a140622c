// Package clusters runs the lab's clusters: for each an etcd, a kube-apiserver, a kube-controller-manager and its istiods as
// processes of one binary, a node agent that is a part of this program, and with a data plane Pods, names and Services.
//
// The istiods of a cluster, the proxies that they inject and its custom resources are of one version of Istio; further
// control planes beside it are a [Revision] each.
//
// [Start] returns a [Lab] of [Cluster]s, each with its [Istiod]s. The package's picture is in the documentation of package
// lab, which is what tests and programs import.
package clusters
