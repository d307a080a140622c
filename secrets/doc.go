// Package secrets makes and reads remote secrets, through which an istiod learns
// of another cluster.
//
// A remote secret lies in the namespace of the istiod that reads, has the label
// istio/multiCluster=true, and under each data key, which is a cluster's ID, a
// kubeconfig for that cluster's API server (Istio
// pkg/kube/multicluster/secretcontroller.go). The way there has four steps:
//
//   - A [TokenSource] mints a token for a ServiceAccount of the cluster that will
//     be read: [Durable] one without expiry, [Bound] one with, [Static] none at all
//     but the caller's, [First] the first of these that works. The [Ref] of a token
//     says which object revokes it; a [Revoker] does so.
//   - [ChooseCA] finds the CA that verifies the [Endpoint], as istiod will dial it.
//   - [Build] makes the Secret of a [Remote], and refuses what istiod would refuse.
//   - [Parse] reads it as istiod does, and [Lint] says what is wrong with it.
//
// Build, Parse and Lint are pure: no clock, no network, no files. A token,
// password or key is never part of an error, a Problem, a Ref or of what any
// type here prints; [Token.Reveal] and the Secret itself alone hold it.
//
// The package writes nothing to the reading cluster, and reads no state of an
// istiod: whether the Secret works is for a verification to find out.
package secrets
