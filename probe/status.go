package probe

// Status is the verdict of a check. The zero value means that the check did not run yet.
type Status string

const (
	Passed  Status = "passed"  // seen to hold
	Warned  Status = "warned"  // holds, with something the user should know
	Failed  Status = "failed"  // seen not to hold
	Unknown Status = "unknown" // could not be seen from here; the Hint says what would make it known
	Skipped Status = "skipped" // not applicable, or a check before it failed
)

// weight orders statuses from harmless to grave.
var weight = map[Status]int{Skipped: 1, Passed: 2, Warned: 3, Unknown: 4, Failed: 5}

// Worst is the gravest of the statuses: Failed, Unknown, Warned, Passed, Skipped, in this order. Without any it is
// Skipped: nothing was checked.
func Worst(statuses ...Status) Status {
	worst := Skipped
	for _, s := range statuses {
		if weight[s] > weight[worst] {
			worst = s
		}
	}
	return worst
}
