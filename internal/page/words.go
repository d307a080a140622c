package page

import (
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// Words that the forms share.

const (
	preflight = "preflight" // before the ID of a finding
	byHand    = "remove it by hand, or call again"
)

// word is a status for a person; the zero one means that the check did not run. Whatever is none of the five is unknown,
// and stands behind that word.
func word(s probe.Status) string {
	switch {
	case s == "":
		return "not run"
	case s != s.Known():
		return s.String() + " (" + printable.Line(string(s)) + ")"
	}
	return s.String()
}

// class is the CSS class of a status: unknown for one that this version does not know.
func class(s probe.Status) string {
	if s == "" {
		s = probe.Skipped
	}
	return s.String()
}

// glyph tells a status without colour.
func glyph(s probe.Status) string {
	return map[string]string{"passed": "✓", "warned": "!", "failed": "✕", "unknown": "?", "skipped": "–"}[class(s)]
}

// colon joins what there is of two texts.
func colon(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + ": " + second
}

// UTC is a moment for a person, to the second; "" for none.
func UTC(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// took is a duration with at most three digits; "" for one that was not measured.
func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit).String()
		}
	}
	return d.String()
}

// behind is the error of a result, unless its summary says it already.
func (r Result) behind() string {
	if strings.Contains(r.Summary, r.Err) {
		return ""
	}
	return r.Err
}
