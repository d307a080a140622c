package traffic

import (
	"errors"
	"reflect"
)

// All is the checks as one, climbed one after the other: each makes sense only if those before it hold, so the lowest comes first.
// A nil one is left out; without any other All is nil, which is no Check.
func All(checks ...Check) Check {
	var all combined
	for _, c := range checks {
		if v := reflect.ValueOf(c); c == nil || v.Kind() == reflect.Pointer && v.IsNil() {
			continue
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

type combined []Check

// Validate implements [Check].
func (all combined) Validate() error {
	var wrong []error
	for _, c := range all {
		wrong = append(wrong, c.Validate())
	}
	return errors.Join(wrong...)
}

// Rungs implements [Check].
func (all combined) Rungs(from, to Side) (rungs []Rung) {
	for _, c := range all {
		rungs = append(rungs, c.Rungs(from, to)...)
	}
	return rungs
}
