package page

import (
	"cmp"
	"math"
	"slices"
)

// gravity orders the classes of arrows, as probe.Worst does.
var gravity = []string{"skipped", "passed", "warned", "unknown", "failed"}

// picture is the mesh as a drawing: clusters on a circle, an arrow per link. Lengths are pixels before scaling.
type picture struct {
	Left, Top, Width, Height float64
	Nodes                    []node
	Arrows                   []arrow
	AnyHosted                bool
}

// node is a box around X, Y, which is its upper left corner.
type node struct {
	X, Y, Width, Height float64
	LabelX, LabelY      float64
	ID, Label           string
	Hosted              bool
}

const (
	nodeHeight = 48
	letter     = 8.2 // width of a letter of the label's font
	labelMax   = 18  // letters; more are cut out of the middle
	margin     = 6

	glyphRadius = 10
)

func draw(links []Link, hosted []string) picture {
	ids := clusters(links)
	width := 96.0
	for _, id := range ids {
		width = max(width, float64(len([]rune(shortened(id))))*letter+28)
	}
	places := circle(len(ids), width)
	var p picture
	for i, id := range ids {
		at, isHosted := places[i], slices.Contains(hosted, id)
		p.AnyHosted = p.AnyHosted || isHosted
		n := node{
			X: rounded(at.x - width/2), Y: rounded(at.y - nodeHeight/2), Width: rounded(width), Height: nodeHeight,
			LabelX: rounded(at.x), LabelY: rounded(at.y + 5), ID: id, Label: shortened(id), Hosted: isHosted,
		}
		if isHosted {
			n.LabelY = rounded(at.y - 2)
		}
		p.Nodes = append(p.Nodes, n)
	}
	for _, l := range links {
		if l.From == l.To {
			continue
		}
		a := bent(places[slices.Index(ids, l.From)], places[slices.Index(ids, l.To)], width)
		a.From, a.To, a.Status = l.From, l.To, l.Status
		p.Arrows = append(p.Arrows, a)
	}
	slices.SortStableFunc(p.Arrows, func(a, b arrow) int { // the grave ones last: they are drawn on top
		return cmp.Compare(slices.Index(gravity, class(a.Status)), slices.Index(gravity, class(b.Status)))
	})
	p.frame()
	return p
}

// frame sets the borders around all that is drawn.
func (p *picture) frame() {
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	hold := func(x, y, width, height float64) {
		left, top, right, bottom = min(left, x), min(top, y), max(right, x+width), max(bottom, y+height)
	}
	for _, n := range p.Nodes {
		hold(n.X, n.Y, n.Width, n.Height)
	}
	for _, a := range p.Arrows { // a bow is furthest out where its glyph stands
		hold(a.MidX-glyphRadius, a.MidY-glyphRadius, 2*glyphRadius, 2*glyphRadius)
	}
	p.Left, p.Top = rounded(left-margin), rounded(top-margin)
	p.Width, p.Height = rounded(right-left+2*margin), rounded(bottom-top+2*margin)
}

// clusters of the links, in the order in which they appear.
func clusters(links []Link) []string {
	var ids []string
	for _, l := range links {
		for _, id := range []string{l.From, l.To} {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// shortened keeps both ends of a long ID: those of one region or account begin alike.
func shortened(id string) string {
	runes := []rune(id)
	if len(runes) <= labelMax {
		return id
	}
	return string(runes[:labelMax/2-1]) + "…" + string(runes[len(runes)-labelMax/2:])
}
