package ui

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// Progress shows the steps of links as they end: on a terminal a line per link, redrawn in place; elsewhere a line per step
// that changed something or failed.
// Its methods may be called by several goroutines.
type Progress struct {
	screen Screen
	mu     sync.Mutex
	links  []*line
	drawn  int // lines on the screen that are redrawn
	turn   int // of the wheel
	stop   chan struct{}
	over   sync.WaitGroup
	closed bool
}

// every is how often the terminal's lines are drawn.
const every = 100 * time.Millisecond

// NewProgress shows links, in their order. Close ends it.
func NewProgress(s Screen, links []peering.Link) *Progress {
	p := &Progress{screen: s, stop: make(chan struct{})}
	for _, l := range links {
		p.links = append(p.links, &line{name: l.String(), began: time.Now()})
	}
	if s.Terminal {
		p.over.Go(p.turnWheel)
	}
	return p
}

func (p *Progress) turnWheel() {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			p.turn++
			p.draw()
			p.mu.Unlock()
		}
	}
}

// Observe is for Peering.Observe.
func (p *Progress) Observe(e peering.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	name := e.From.String() + " -> " + e.To.String()
	if !p.screen.Terminal {
		if e.Action != peering.Unchanged || e.Error != "" {
			fmt.Fprintln(p.screen, plainLine(name, e))
		}
		return
	}
	i := slices.IndexFunc(p.links, func(l *line) bool { return l.name == name })
	if i < 0 {
		return
	}
	p.links[i].note(e)
	p.draw()
}

// Note says something above the lines.
func (p *Progress) Note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	fmt.Fprintf(p.screen, format+"\n", args...)
	if !p.closed {
		p.draw()
	}
}

// Close draws the lines for the last time, and leaves them if they are to be kept.
func (p *Progress) Close(keep bool) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	close(p.stop)
	for _, l := range p.links {
		l.ended = true
	}
	if keep {
		p.draw()
		p.drawn = 0
	} else {
		p.erase()
	}
	p.mu.Unlock()
	p.over.Wait()
}

func (p *Progress) erase() {
	if p.drawn > 0 {
		fmt.Fprintf(p.screen, "\x1b[%dA\r\x1b[J", p.drawn) // what was typed may stand there, such as ^C
		p.drawn = 0
	}
}

// draw writes the lines over those of before: as many as the terminal has room for, those at work first.
func (p *Progress) draw() {
	if !p.screen.Terminal {
		return
	}
	columns, rows := p.screen.size()
	shown := p.links
	if room := max(rows-2, 1); len(shown) > room {
		shown = slices.SortedStableFunc(slices.Values(shown), func(a, b *line) int { return b.urgency() - a.urgency() })[:room]
	}
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, l := range shown {
		b.WriteString("\r\x1b[2K" + p.text(l, columns) + "\n")
	}
	b.WriteString("\x1b[J")
	p.drawn = len(shown)
	_, _ = p.screen.Write([]byte(b.String()))
}
