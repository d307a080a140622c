package peering_test

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
)

// TestHTMLArrowsLeadFromBoxToBox measures the drawing: each arrow begins and ends at its clusters, and none hides another.
func TestHTMLArrowsLeadFromBoxToBox(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5} {
		text := writeHTML(t, ring(n, "c"), peering.HTMLOptions{})
		boxes := map[string][]float64{}
		for _, m := range regexp.MustCompile(`<title>(c-\d+)</title>\n<rect x="([-0-9.]+)" y="([-0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"`).FindAllStringSubmatch(text, -1) {
			boxes[m[1]] = parsed(t, m[2:])
		}
		require.Len(t, boxes, n)
		arrows := regexp.MustCompile(`<title>(c-\d+) → (c-\d+): .*\n<path class="line" d="M([-0-9.]+),([-0-9.]+) .*<path class="head" d="M([-0-9.]+),([-0-9.]+) .*\n<circle cx="([-0-9.]+)" cy="([-0-9.]+)"`).FindAllStringSubmatch(text, -1)
		require.Len(t, arrows, n*(n-1))
		var glyphs [][]float64
		for _, a := range arrows {
			at := parsed(t, a[3:])
			require.InDelta(t, 4, gap(boxes[a[1]], at[0], at[1]), 2, "tail of %s", a[0])
			require.InDelta(t, 4, gap(boxes[a[2]], at[2], at[3]), 2, "tip of %s", a[0])
			from, to := boxes[a[1]], boxes[a[2]] // of one size: their corners are as far apart as their middles
			side := (to[0]-from[0])*(at[5]-from[1]-from[3]/2) - (to[1]-from[1])*(at[4]-from[0]-from[2]/2)
			require.Negative(t, side, "%s keeps to the left", a[0])
			for _, other := range glyphs {
				require.Greater(t, math.Hypot(at[4]-other[0], at[5]-other[1]), 20.0, "glyph of %s hides another", a[0])
			}
			glyphs = append(glyphs, at[4:])
		}
	}
}

// gap is how far a point is outside of a box.
func gap(box []float64, x, y float64) float64 {
	dx := math.Max(box[0]-x, x-box[0]-box[2])
	dy := math.Max(box[1]-y, y-box[1]-box[3])
	return math.Max(dx, dy)
}

func parsed(t *testing.T, texts []string) []float64 {
	t.Helper()
	var all []float64
	for _, text := range texts {
		f, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}
