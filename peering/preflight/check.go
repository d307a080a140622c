package preflight

import "context"

// Check describes one check. Its ID is stable.
type Check struct {
	ID       string   // of its findings
	Severity Severity // at most; a finding may be less grave
	Asks     string   // what holds when the check passes
	Needs    []string // what is read for it; shared with the other checks
	Source   string   // where the fact behind it can be read
}

// Checks lists every check, in the order of [Run].
func Checks() []Check {
	all := make([]Check, len(table))
	for i, c := range table {
		all[i] = c.Check
		for _, n := range c.needs {
			all[i].Needs = append(all[i].Needs, n.what)
		}
	}
	return all
}

// check is a line of the table.
type check struct {
	Check
	needs []need
	skips func(context.Context, *facts) *verdict // why the check does not apply, or nil; nil itself if it always does
	judge func(context.Context, *facts) []verdict
}
