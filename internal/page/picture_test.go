package page_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/probe"
)

func TestPicture(t *testing.T) {
	text := body(t, ring(3, "c"), page.HTMLOptions{Hosted: []string{"c-1"}})
	golden.Equal(t, "picture.svg", []byte(regexp.MustCompile(`(?s)<svg.*?</svg>\n`).FindString(text)))
}

// TestPictureHasRoomForAll measures the drawing: boxes and glyphs are inside of the frame, and no box is near another.
func TestPictureHasRoomForAll(t *testing.T) {
	self := &page.Report{Links: []page.Link{{From: "east", To: "east", Status: probe.Passed}}}
	reports := map[string]*page.Report{"a cluster and itself": self}
	for n := 2; n <= 20; n++ {
		reports[fmt.Sprintf("%d clusters", n)] = ring(n, "c")
		reports[fmt.Sprintf("%d clusters with long IDs", n)] = ring(n, "c4a61bd0f9e2c4d7a8f1e0b3c5d7e9f0a")
	}
	for name, report := range reports {
		t.Run(name, func(t *testing.T) {
			text := body(t, report, page.HTMLOptions{})
			frame := numbers(t, text, `viewBox="([-0-9.]+) ([-0-9.]+) ([-0-9.]+) ([-0-9.]+)"`)[0]
			boxes := numbers(t, text, `<rect x="([-0-9.]+)" y="([-0-9.]+)" width="([0-9.]+)" height="([0-9.]+)" rx="10"`)
			require.NotEmpty(t, boxes)
			for i, a := range boxes {
				require.True(t, a[0] >= frame[0] && a[1] >= frame[1] && a[0]+a[2] <= frame[0]+frame[2] && a[1]+a[3] <= frame[1]+frame[3])
				for _, b := range boxes[:i] {
					apart := math.Abs(a[0]-b[0]) > a[2]+30 || math.Abs(a[1]-b[1]) > a[3]+30
					require.True(t, apart, "no room between %v and %v", a, b)
				}
			}
			glyphs := numbers(t, text, `<circle cx="([-0-9.]+)" cy="([-0-9.]+)" r="10"`)
			for _, g := range glyphs {
				require.True(t, g[0]-10 >= frame[0] && g[1]-10 >= frame[1] && g[0]+10 <= frame[0]+frame[2] && g[1]+10 <= frame[1]+frame[3])
			}
			if report != self {
				require.Len(t, glyphs, len(report.Links))
				require.Len(t, glyphs, len(boxes)*(len(boxes)-1))
			}
		})
	}
}

// TestArrowsLeadFromBoxToBox: each arrow begins and ends at its clusters, and none hides another.
func TestArrowsLeadFromBoxToBox(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5} {
		text := body(t, ring(n, "c"), page.HTMLOptions{})
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
			require.InDelta(t, 4, outside(boxes[a[1]], at[0], at[1]), 2, "tail of %s", a[0])
			require.InDelta(t, 4, outside(boxes[a[2]], at[2], at[3]), 2, "tip of %s", a[0])
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

// TestGraveArrowsAreDrawnLast: what is drawn last is on top.
func TestGraveArrowsAreDrawnLast(t *testing.T) {
	var drawn []string
	for _, m := range regexp.MustCompile(`class="arrow (\w+)"`).FindAllStringSubmatch(body(t, ring(4, "c"), page.HTMLOptions{}), -1) {
		if len(drawn) == 0 || drawn[len(drawn)-1] != m[1] {
			drawn = append(drawn, m[1])
		}
	}
	require.Equal(t, []string{"skipped", "passed", "warned", "unknown", "failed"}, drawn)
}

func TestPictureMarksHosted(t *testing.T) {
	text := body(t, ring(2, "c"), page.HTMLOptions{Hosted: []string{"c-1", "elsewhere"}})
	require.Contains(t, text, "<title>c-1, hosted control plane</title>")
	require.Contains(t, text, "<title>c-2</title>")
	require.Contains(t, text, "with a dashed frame")
	require.NotContains(t, text, "elsewhere,")
	text = body(t, ring(2, "c"), page.HTMLOptions{})
	require.NotContains(t, text, "osted control plane")
	require.NotContains(t, text, "with a dashed frame")
}

// TestLongIDsKeepBothEnds: IDs of one region or account begin alike.
func TestLongIDsKeepBothEnds(t *testing.T) {
	text := body(t, ring(2, "c4a61bd0f9e2c4d7a8f1e0b3c5d7e9f0a"), page.HTMLOptions{})
	require.Regexp(t, `>c4a61bd0….{7}-1<`, text)
	require.Contains(t, text, "<title>c4a61bd0f9e2c4d7a8f1e0b3c5d7e9f0a-1</title>")
}

// ring is a report of n clusters, each linked with each other. Their IDs begin alike.
func ring(n int, prefix string) *page.Report {
	statuses := []probe.Status{probe.Passed, probe.Passed, probe.Warned, probe.Passed, probe.Failed, probe.Unknown, probe.Skipped}
	report := &page.Report{}
	for i := range n {
		for j := range n {
			if i != j {
				from, to := fmt.Sprintf("%s-%d", prefix, i+1), fmt.Sprintf("%s-%d", prefix, j+1)
				report.Links = append(report.Links, page.Link{From: from, To: to, Status: statuses[(i*n+j)%len(statuses)]})
			}
		}
	}
	return report
}

// outside is how far a point is outside of a box.
func outside(box []float64, x, y float64) float64 {
	dx := math.Max(box[0]-x, x-box[0]-box[2])
	dy := math.Max(box[1]-y, y-box[1]-box[3])
	return math.Max(dx, dy)
}

func numbers(t *testing.T, text, pattern string) [][]float64 {
	t.Helper()
	var all [][]float64
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, parsed(t, match[1:]))
	}
	return all
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
