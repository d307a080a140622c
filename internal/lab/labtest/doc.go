// Package labtest holds what several suites of tests do on a lab: connect its clusters, call over a link without a pause, look
// at what an istiod knows, and read a cluster with a reader that lacks a right.
package labtest
