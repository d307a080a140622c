// Package conformance holds a suite for each seam of package peering that a program may fill itself: it is the contract between
// peering and an API server, an istiod, a workload or a store of records.
//
//	| seam                                          | suite
//	| peering.Cluster.Objects                       | TestObjects
//	| peering.Cluster.As                            | TestAs, and TestReviews of what is asked there
//	| peering.Cluster.Accounts                      | secretstest.TestTokenCreator
//	| peering.Cluster.Istiods, peering/istiod       | TestIstiods
//	| peering.Cluster.Exec, probe.Executor          | probetest.TestExecutor
//	| peering.Peering.Tokens, secrets.TokenSource   | secretstest.TestTokenSource, TestRevoker, TestResumer
//	| secrets.SecretClient                          | secretstest.TestSecretClient
//	| peering.Peering.Workload, traffic.Check       | TestCheck
//	| peering.Peering.Audit                         | TestAuditSink
//
// Each rule is a subtest of its name, and says what was seen in place of what was promised. All suites pass on the clusters of
// package peeringtest and on real ones alike.
package conformance
