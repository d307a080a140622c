package peering

import (
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// Words that the JUnit and the HTML form share.

// statusWord is a status for a person; the zero one means that the check did not run.
func statusWord(s probe.Status) string {
	if s == "" {
		return "not run"
	}
	return string(s)
}

// colon joins what there is of two texts.
func colon(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + ": " + second
}

// utc is a moment for a person; "" for none.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// behind is the error of a result, unless its summary says it already.
func behind(r probe.Result) string {
	if text := cause(r.Err); !strings.Contains(r.Summary, text) {
		return text
	}
	return ""
}

// repeated says that the link's error only joins the errors of failed results.
func (l LinkReport) repeated() bool {
	seen := map[string]bool{}
	for _, r := range l.Results {
		if r.Status == probe.Failed && r.Err != nil {
			for line := range strings.Lines(r.Err.Error() + "\n") {
				seen[line] = true
			}
		}
	}
	for line := range strings.Lines(cause(l.Error.Err) + "\n") {
		if !seen[line] {
			return false
		}
	}
	return true
}
