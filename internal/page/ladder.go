package page

import (
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// rung is a line of a link's ladder: something that was done, or something that was seen.
type rung struct {
	Class, Glyph, Word string // of its badge
	Name, Target       string
	Text, Err, Hint    string
	Took               time.Duration
	Percent            float64 // of the longest in the report
}

// rungs are what stood in the way, what was done, what was seen, and what became of it.
func (l Link) rungs(longest time.Duration) []rung {
	var all []rung
	for _, f := range l.Findings {
		found := f.rung(longest)
		found.Name = preflight + " " + found.Name
		all = append(all, found)
	}
	for _, c := range l.Changes {
		class, glyph := mark(c.Action)
		all = append(all, c.rung(class, glyph, c.Action))
	}
	for _, r := range l.Results {
		all = append(all, r.rung(longest))
	}
	for _, c := range l.Undone {
		all = append(all, c.rung("skipped", "↩", "undone, "+c.Action))
	}
	for _, c := range l.Left {
		left := c.rung("warned", glyph(probe.Warned), "left behind")
		left.Hint = byHand
		all = append(all, left)
	}
	return all
}

func (r Result) rung(longest time.Duration) rung {
	return rung{
		Class: class(r.Status), Glyph: glyph(r.Status), Word: word(r.Status), Name: r.Check, Target: r.Target,
		Text: r.Summary, Err: r.behind(), Hint: r.Hint, Took: r.Took, Percent: percent(r.Took, longest),
	}
}

func (c Change) rung(class, glyph, word string) rung {
	text := c.Reason
	if text == "undone" {
		text = "" // the badge says so
	}
	return rung{Class: class, Glyph: glyph, Word: word, Name: c.Stage, Target: c.Object + " on " + c.On, Text: text}
}

// mark is the CSS class and the glyph of an action.
func mark(action string) (class, glyph string) {
	switch action {
	case "unchanged", "verified":
		return "same", "="
	case "created":
		return "done", "+"
	case "deleted", "revoked":
		return "done", "−"
	default:
		return "done", "~"
	}
}

func (r *Report) longest() time.Duration {
	var longest time.Duration
	for _, l := range r.Links {
		for _, result := range l.Results {
			longest = max(longest, result.Took)
		}
	}
	return longest
}

func percent(part, whole time.Duration) float64 {
	if part <= 0 {
		return 0
	}
	return rounded(100 * float64(part) / float64(whole))
}
