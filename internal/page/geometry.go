package page

import (
	"fmt"
	"math"

	"github.com/meshpeer/meshpeer/probe"
)

type point struct{ x, y float64 }

// arrow is a link in the picture: a bent line, its head, and where its glyph stands.
type arrow struct {
	From, To     string
	Status       probe.Status
	Line, Head   string // path data
	MidX, MidY   float64
	TextX, TextY float64
}

// circle gives n boxes of the width places on a circle on which they leave room for arrows: two side by side, more from
// the top on.
func circle(n int, width float64) []point {
	start, radius := -math.Pi/2, max(width/2+60, 45*float64(n))
	if n <= 2 {
		start, radius = math.Pi, width/2+80
	}
	places := make([]point, n)
	for i := range places {
		sin, cos := math.Sincos(start + 2*math.Pi*float64(i)/float64(n))
		places[i] = point{radius * cos, radius * sin}
	}
	return places
}

// bent goes from box to box, to the left of its way: the arrow back takes the other side.
func bent(from, to point, width float64) arrow {
	const length, half = 11, 5.5 // of the head
	dx, dy := to.x-from.x, to.y-from.y
	distance := math.Hypot(dx, dy)
	bow := max(32, 0.14*distance) / distance
	control := point{(from.x+to.x)/2 + dy*bow, (from.y+to.y)/2 - dx*bow}
	tail, tip := border(from, control, width, 3), border(to, control, width, 4)

	ux, uy := tip.x-control.x, tip.y-control.y
	norm := math.Hypot(ux, uy)
	ux, uy = ux/norm, uy/norm
	neck := point{tip.x - length*ux, tip.y - length*uy}
	midX, midY := (tail.x+2*control.x+neck.x)/4, (tail.y+2*control.y+neck.y)/4
	return arrow{
		Line: fmt.Sprintf("M%s Q%s %s", tail, control, neck),
		Head: fmt.Sprintf("M%s L%s L%s Z", tip, point{neck.x - half*uy, neck.y + half*ux}, point{neck.x + half*uy, neck.y - half*ux}),
		MidX: rounded(midX), MidY: rounded(midY), TextX: rounded(midX), TextY: rounded(midY + 4),
	}
}

// border is where the line from the middle of a box towards another point leaves the box, and a gap further.
func border(middle, towards point, width, gap float64) point {
	dx, dy := towards.x-middle.x, towards.y-middle.y
	t := min((width/2+gap)/math.Abs(dx), (nodeHeight/2+gap)/math.Abs(dy)) // division by zero: +Inf, the other side counts
	return point{middle.x + t*dx, middle.y + t*dy}
}

func (p point) String() string { return fmt.Sprintf("%v,%v", rounded(p.x), rounded(p.y)) }

// rounded to a tenth, without the sign of zero: equal reports give equal pages on every machine.
func rounded(x float64) float64 { return math.Round(10*x)/10 + 0 }
