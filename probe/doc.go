// Package probe says whether something works: a [Result] is a [Status] with its evidence and the next step to take.
//
// Status is the one enum of this module: checks before, during and after peering all answer with it. Results are values.
// An error is evidence inside a Result, never the way to say "skipped" or "fine".
package probe
