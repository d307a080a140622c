// Package differential holds the packages of this repository against the code
// whose behaviour they state: Kubernetes' RBAC authorizer and its check against
// privilege escalation, istiod's reading of a remote secret, and Istio's charts.
// It has tests only. What they generate is the same in every run, but for keys,
// certificates and tokens, which are made at run time.
//
// The tests lie in this module since it has Kubernetes and Istio already; with
// CGO_ENABLED=0 and -tags=disable_pgv they share the build cache with the control plane's binary.
package differential
