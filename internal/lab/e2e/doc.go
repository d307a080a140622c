// Package e2e holds the tests that run the SDK against real API servers and real istiods. What they see is printed with
// -v: the facts that the documentation states are these.
package e2e
