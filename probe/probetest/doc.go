// Package probetest holds the conformance suite of package probe's seam to workloads, for people who run commands in another way
// than pods/exec does:
//
//	func TestDocker(t *testing.T) {
//		probetest.TestExecutor(t, probe.ExecutorFunc(dockerExec))
//	}
//
// Each rule is a subtest of its name. The suite passes on pods of real clusters and on those in memory of package peeringtest.
package probetest
