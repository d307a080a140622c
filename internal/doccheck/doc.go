// Package doccheck holds the tests that keep the Markdown of this module true: its Go compiles, its links lead somewhere, its
// commands exist, the outputs that it shows are those of a run, and what can be generated is. CONTRIBUTING.md has the rules.
package doccheck
