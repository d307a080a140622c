// Package e2e tests the built controller on real clusters: two replicas, killed and stopped, under traffic.
package e2e
