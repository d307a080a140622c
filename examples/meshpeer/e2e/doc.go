// Package e2e runs the built command at a terminal on two real clusters. It has tests only.
package e2e
