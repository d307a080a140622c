// Package peeringtest is a mesh in memory for tests of programs that use package peering: members behave as clusters with
// kube-apiserver, token controller, RBAC and istiods do, as far as peering can tell, and calls can be made to fail.
//
//	mesh := peeringtest.NewMesh("east", "west")
//	report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(mesh.Clusters()...)...)
//
// [Member.Run] deploys apps with proxies, and [Mesh.Split] gives each member a network of its own behind an east-west gateway:
// commands in their pods are answered as curl, httpbin and Envoy would, so that Verify with a Workload climbs to the top.
//
// [New] has options for large meshes, slow API servers, and members whose control plane runs elsewhere, as that of an ASM
// instance does. [Server.Inject] makes chosen calls fail as API servers and networks do, before or after they took effect;
// [Server.Stop], [Server.Partition] and [Server.Slow] are for all calls. Tokens end by the clock of testing/synctest, or by
// [Mesh.Advance]. Istiods come, go, lag and restart: see [Istiods].
//
// Package conformance has the suites that these members pass and real clusters, too: for people who fill the seams of a
// peering.Cluster themselves.
package peeringtest
