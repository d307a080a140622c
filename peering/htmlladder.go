package peering

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
func (l LinkReport) rungs(longest time.Duration) []rung {
	var all []rung
	for _, f := range l.Findings {
		found := resultRung(f.Result(), longest)
		found.Name = string(StagePreflight) + " " + found.Name
		all = append(all, found)
	}
	for _, c := range l.Changes {
		all = append(all, c.rung(actionClass(c.Action), actionGlyph(c.Action), string(c.Action)))
	}
	for _, r := range l.Results {
		all = append(all, resultRung(r, longest))
	}
	for _, c := range l.Undone {
		all = append(all, c.rung("skipped", "↩", "undone, "+string(c.Action)))
	}
	for _, c := range l.Left {
		left := c.rung("warned", glyph(probe.Warned), "left behind")
		left.Hint = "remove it by hand, or call again"
		all = append(all, left)
	}
	return all
}

func resultRung(r probe.Result, longest time.Duration) rung {
	return rung{
		Class: class(r.Status), Glyph: glyph(r.Status), Word: statusWord(r.Status), Name: r.Check, Target: r.Target,
		Text: r.Summary, Err: behind(r), Hint: r.Hint, Took: r.Took, Percent: percent(r.Took, longest),
	}
}

func (c Change) rung(class, glyph, word string) rung {
	text := c.Reason
	if text == "undone" {
		text = "" // the badge says so
	}
	return rung{Class: class, Glyph: glyph, Word: word, Name: string(c.Stage), Target: c.Object + " on " + c.On.String(), Text: text}
}

func actionClass(a Action) string {
	if a == Unchanged || a == Verified {
		return "same"
	}
	return "done"
}

func actionGlyph(a Action) string {
	switch a {
	case Unchanged, Verified:
		return "="
	case Created:
		return "+"
	case Deleted, Revoked:
		return "−"
	default:
		return "~"
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
