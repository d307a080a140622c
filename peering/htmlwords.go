package peering

import (
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// Words that the JUnit and the HTML form share.

// statusWord is a status for a person; the zero one means that the check did not run. Whatever is none of the five is
// unknown, and stands behind that word.
func statusWord(s probe.Status) string {
	switch {
	case s == "":
		return "not run"
	case !isStatus(s):
		return string(probe.Unknown) + " (" + line(string(s)) + ")"
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

// cause is the text of an error on one line.
func cause(err error) string {
	if err == nil {
		return ""
	}
	return oneLine(err)
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
	var seen []string
	for _, r := range l.Results {
		if text := cause(r.Err); r.Status == probe.Failed && text != "" {
			seen = append(seen, text)
		}
	}
	text := cause(l.Error.Err)
	if text == "" || len(seen) == 0 {
		return false
	}
	if text == prose(strings.Join(texts(seen), "; ")) {
		return true
	}
	for text != "" {
		i := slices.IndexFunc(seen, func(s string) bool { return text == s || strings.HasPrefix(text, s+"; ") })
		if i < 0 {
			return false
		}
		text = strings.TrimPrefix(strings.TrimPrefix(text, seen[i]), "; ")
	}
	return true
}
