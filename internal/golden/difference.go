package golden

import (
	"fmt"
	"strings"
)

const shown = 5 // lines of each side from the first difference on

// firstDifference returns where two texts part, or "".
func firstDifference(want, got string) string {
	if want == got {
		return ""
	}
	wantLines, gotLines := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	at := 0
	for at < len(wantLines) && at < len(gotLines) && wantLines[at] == gotLines[at] {
		at++
	}
	return fmt.Sprintf("differs from line %d on (- file, + test):%s%s", at+1, excerpt("-", wantLines[at:]), excerpt("+", gotLines[at:]))
}

func excerpt(mark string, lines []string) string {
	var b strings.Builder
	for _, line := range lines[:min(shown, len(lines))] {
		fmt.Fprintf(&b, "\n%s %q", mark, line)
	}
	return b.String()
}
