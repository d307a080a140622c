// Package ending holds the tests of how a lab ends and where it can begin: whoever dies first, nothing is left behind, and
// an ordinary user or a machine without namespaces gets a lab too. The test binary is its own test program: TestMain
// turns into it when asked by the environment.
package ending
