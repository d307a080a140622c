// Package topology holds the tests of peering in the shapes of mesh that people run besides one istiod, one network and one
// trust domain in each cluster: see docs/topologies.md.
package topology
