// Package build makes the control planes' binary, once, from the Go modules of Kubernetes, etcd and Istio, and keeps it in
// the lab's store under a key of all that it depends on: the module's files, the compiler and its flags.
//
// A [Binary] is looked at before anything else is done ([Binary.Look]): it is there, or [Binary.Build] makes it, which takes
// minutes and some gigabytes where Go's own cache is empty. An entry of the store that is damaged is built again.
//
// A [Release] is another version of Istio, as a binary of istiod, pilot-agent and istioctl alone ([LookRelease]). It is built
// only for programs that name it.
package build
