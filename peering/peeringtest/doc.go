// Package peeringtest is a mesh in memory for tests of programs that use package peering: members behave as clusters with
// kube-apiserver, token controller, RBAC and istiods do, as far as peering can tell, and calls can be made to fail.
//
//	mesh := peeringtest.NewMesh("east", "west")
//	report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(mesh.Clusters()...)...)
//
// [Member.Run] deploys apps with proxies, and [Mesh.Split] gives each member a network of its own behind an east-west gateway:
// commands in their pods are answered as curl, httpbin and Envoy would, so that Verify with a Workload climbs to the top.
//
// [TestObjects] is the contract between peering and an API server. It passes on the members of this package and on real
// API servers alike, and is there for people who write a peering.Objects of their own.
package peeringtest
