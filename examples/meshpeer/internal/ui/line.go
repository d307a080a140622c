package ui

import (
	"fmt"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// line is a link's.
type line struct {
	name    string
	stages  []stage
	waiting string // for what
	began   time.Time
	took    time.Duration // as of the last event
	ended   bool
}

type stage struct {
	name   peering.Stage
	failed bool
	undone bool
}

func plainLine(name string, e peering.Event) string {
	said := string(e.Action)
	switch {
	case e.Error != "":
		said = "failed: " + e.Error
	case e.Action == "":
		said = e.Reason
	case e.Reason == "undone":
		said += " (undone)"
	}
	return fmt.Sprintf("%s: %-9s on %s  %s  %s", name, e.Stage, e.On, e.Object, said)
}

func (l *line) note(e peering.Event) {
	l.took, l.waiting = time.Since(l.began), ""
	if e.Action == "" {
		l.waiting = e.Object + " " + e.Reason
		return
	}
	i := slices.IndexFunc(l.stages, func(s stage) bool { return s.name == e.Stage })
	if i < 0 {
		i = len(l.stages)
		l.stages = append(l.stages, stage{name: e.Stage})
	}
	l.stages[i].failed = l.stages[i].failed || e.Error != ""
	l.stages[i].undone = l.stages[i].undone || e.Reason == "undone"
}

// urgency puts links at which something happens above those that wait for their turn.
func (l *line) urgency() int {
	switch {
	case l.waiting != "":
		return 2
	case len(l.stages) > 0:
		return 1
	}
	return 0
}

const wheel = `|/-\`

// text is a line that fits into so many columns.
func (p *Progress) text(l *line, columns int) string {
	type part struct{ colour, text string }
	mark := part{Cyan, string(wheel[p.turn%len(wheel)])}
	if l.ended {
		mark = part{Green, "*"}
	}
	parts := []part{mark, {Bold, l.name}}
	for _, s := range l.stages {
		switch {
		case s.failed:
			parts[0] = part{Red, "!"}
			parts = append(parts, part{Red, string(s.name) + " failed"})
		case s.undone:
			parts = append(parts, part{Yellow, string(s.name) + " undone"})
		default:
			parts = append(parts, part{Green, string(s.name)})
		}
	}
	if l.ended && len(l.stages) == 0 {
		parts[0].colour = Dim
	}
	if l.waiting != "" && !l.ended {
		parts = append(parts, part{Dim, l.waiting})
	}
	took := l.took
	if !l.ended {
		took = time.Since(l.began)
	}
	parts = append(parts, part{Dim, fmt.Sprintf("%.1fs", took.Seconds())})
	var line string
	room := columns - 1 // a full line would wrap
	for i, one := range parts {
		text := one.text
		if i > 0 {
			text = " " + text
		}
		runes := []rune(text)
		if len(runes) > room {
			runes = runes[:max(room, 0)]
		}
		room -= len(runes)
		line += p.screen.Paint(one.colour, string(runes))
	}
	return line
}
