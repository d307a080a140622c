// Package secrets makes and reads remote secrets, through which an istiod learns
// of another cluster.
//
// A remote secret is a Secret in the namespace of the istiod that reads it, with
// the label istio/multiCluster=true. Each of its data keys is the ID of a cluster
// and holds a kubeconfig for the API server of that cluster (Istio
// pkg/kube/multicluster/secretcontroller.go). Four steps make one:
//
//   - A [TokenSource] mints a token for a ServiceAccount of the cluster that will
//     be read. [Durable] mints a long-lived token, [Bound] one that expires. [Static]
//     passes on a token that the caller has, [First] takes the first source that
//     works. The [Ref] of a token says which object revokes it; a [Revoker] does so.
//   - [ChooseCA] finds the CA that verifies the [Endpoint], as istiod will dial it.
//   - [Build] makes the Secret of a [Remote]. It refuses what istiod would refuse.
//   - [Parse] reads the Secret as istiod does, and [Lint] says what is wrong with it.
//
// Build, Parse and Lint are pure: they use no clock, no network and no files. No
// error, Problem or Ref holds a token, a password or a key, and no type prints one.
// Only [Token.Reveal], [ProxyAuth.Reveal], [Endpoint.Proxy] and the Secret itself
// hold them, and Endpoint.ProxyURL where the caller puts a password there.
//
// The package writes nothing to the reading cluster and reads no state of an istiod.
// Only a verification shows whether the Secret works.
package secrets
