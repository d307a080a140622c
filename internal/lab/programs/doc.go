// Package programs holds the tests that run the small programs of examples/ as their READMEs say, against three real clusters
// and a kubeconfig with a context for each. What the programs say in every detail is tested beside them, on a mesh in memory.
package programs
