// Package matrix runs the core of the end-to-end tests with each version of Istio that the lab has: alone, in pairs, as a canary
// beside another, and with what a rotation meets in it. make matrix runs it and writes docs/compatibility.md.
package matrix
