package peering_test

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

func writeHTML(t testing.TB, r *peering.Report, o peering.HTMLOptions) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteHTML(&out, o))
	return out.String()
}

func TestHTML(t *testing.T) {
	report, options := asmReport()
	text := writeHTML(t, report, options)
	golden.Equal(t, "report.html", []byte(text))
	requireSelfContained(t, text)
	for range 5 {
		again, options := asmReport()
		require.Equal(t, text, writeHTML(t, again, options))
	}
}

func TestHTMLOfEverything(t *testing.T) {
	report := sample()
	report.Links[0].Findings = []preflight.Finding{{ID: "versions", Status: probe.Warned, Subject: "east", Evidence: "old", Remedy: "upgrade"}}
	text := writeHTML(t, report, peering.HTMLOptions{})
	requireSelfContained(t, text)
	for _, want := range []string{
		"<title>Peering of 2 clusters: failed</title>", "preflight versions", "upgrade", "requested expiration shortened", "0123abcd",
		"2026-01-02T03:04:05Z", "grant nodes", "no token", "is kube-controller-manager running?", "undo failed: connection refused", "the newest role was taken",
	} {
		require.Contains(t, text, want)
	}
}

func TestHTMLWithoutLinks(t *testing.T) {
	text := writeHTML(t, &peering.Report{}, peering.HTMLOptions{})
	requireSelfContained(t, text)
	require.Contains(t, text, "Peering of 0 clusters")
	require.NotContains(t, text, "<svg")
}

// TestHTMLOverviewSaysWhy looks at what stands beside a link in the overview.
func TestHTMLOverviewSaysWhy(t *testing.T) {
	for want, link := range map[string]peering.LinkReport{
		"second: grave":                {Results: []probe.Result{{Check: "first", Status: probe.Warned, Summary: "light"}, {Check: "second", Status: probe.Failed, Summary: "grave"}}},
		"left behind: ClusterRole/one": {Left: []peering.Change{{Object: "ClusterRole/one"}}},
		"the newest role was taken":    {Warnings: []string{"the newest role was taken"}},
		"mint on west: no token":       {Error: sample().Links[1].Error},
	} {
		t.Run(want, func(t *testing.T) {
			link.From, link.To = peering.MustID("east"), peering.MustID("west")
			if link.Error != nil {
				link.Error.On = link.To
			}
			text := writeHTML(t, &peering.Report{Links: []peering.LinkReport{link}}, peering.HTMLOptions{})
			require.Contains(t, text, `east → west</a> <span class="note">`+want+`</span>`)
		})
	}
}

// TestHTMLTellsStatusInWords holds a page to more than colour.
func TestHTMLTellsStatusInWords(t *testing.T) {
	for status, want := range map[probe.Status]string{
		probe.Passed: "✓</span> passed", probe.Warned: "!</span> warned", probe.Failed: "✕</span> failed",
		probe.Unknown: "?</span> unknown", probe.Skipped: "–</span> skipped", "": "–</span> not run", "of-tomorrow": "?</span> unknown (of-tomorrow)",
	} {
		t.Run("status "+string(status), func(t *testing.T) {
			text := writeHTML(t, &peering.Report{Links: []peering.LinkReport{{
				From: peering.MustID("east"), To: peering.MustID("west"), Results: []probe.Result{{Check: "check", Status: status}},
			}}}, peering.HTMLOptions{})
			require.Contains(t, text, want)
		})
	}
}

func TestHTMLDurations(t *testing.T) {
	for took, want := range map[time.Duration]string{
		7312 * time.Millisecond: "7.31s", 84499 * time.Microsecond: "84.5ms", 1234567: "1.23ms", 90*time.Second + 123456789: "1m30.1s",
		2*time.Hour + 1499*time.Millisecond: "2h0m1s", 950: "950ns", 1: "1ns",
	} {
		require.Contains(t, writeHTML(t, &peering.Report{Took: took}, peering.HTMLOptions{}), "<dt>took</dt><dd>"+want+"</dd>")
	}
	require.NotContains(t, writeHTML(t, &peering.Report{}, peering.HTMLOptions{}), "<dt>took</dt>")
}

func TestHTMLBarsAreRelativeToTheLongest(t *testing.T) {
	report := &peering.Report{Links: []peering.LinkReport{
		{Results: []probe.Result{{Check: "a", Took: time.Second}, {Check: "b"}}},
		{Results: []probe.Result{{Check: "c", Took: 4 * time.Second}}},
	}}
	bars := regexp.MustCompile(`class="part" width="([0-9.]+)%"`).FindAllStringSubmatch(writeHTML(t, report, peering.HTMLOptions{}), -1)
	require.Len(t, bars, 2)
	require.Equal(t, []string{"25", "100"}, []string{bars[0][1], bars[1][1]})
}

// TestHTMLSplitShowsTheInterval compares the plot with what probe computes.
func TestHTMLSplitShowsTheInterval(t *testing.T) {
	split := probe.Split{Answers: map[string]int{"east": 30, "west": 10}}
	text := writeHTML(t, &peering.Report{}, peering.HTMLOptions{Splits: map[string]probe.Split{"httpbin": split, "none": {}, "silent": {Answers: map[string]int{"east": 0}}}})
	requireSelfContained(t, text)
	require.Contains(t, text, "no answers")
	for i, s := range split.Shares() {
		found := regexp.MustCompile(`class="interval" x="([0-9.]+)%" y="5" width="([0-9.]+)%".* cx="([0-9.]+)%"`).FindAllStringSubmatch(text, -1)[i]
		require.InDeltaSlice(t, []float64{100 * s.Low, 100 * (s.High - s.Low), 100 * float64(s.Answers) / float64(s.Of)}, parsed(t, found[1:]), 0.1)
		require.Contains(t, text, s.String())
	}
}

func TestHTMLMarksHosted(t *testing.T) {
	report, options := asmReport()
	require.Contains(t, writeHTML(t, report, options), "<title>cluster-1, hosted control plane</title>")
	options.Hosted = nil
	text := writeHTML(t, report, options)
	require.NotContains(t, text, "osted control plane")
	require.NotContains(t, text, "with a dashed frame")
}

func TestHTMLPicture(t *testing.T) {
	self := &peering.Report{Links: []peering.LinkReport{{From: peering.MustID("east"), To: peering.MustID("east")}}}
	reports := map[string]*peering.Report{"a cluster and itself": self}
	for n := 2; n <= 20; n++ {
		reports[fmt.Sprintf("%d clusters", n)] = ring(n, "c")
		reports[fmt.Sprintf("%d clusters with long IDs", n)] = ring(n, "c4a61bd0f9e2c4d7a8f1e0b3c5d7e9f0a")
	}
	for name, report := range reports {
		t.Run(name, func(t *testing.T) {
			text := writeHTML(t, report, peering.HTMLOptions{})
			requireSelfContained(t, text)
			frame := numbers(t, text, `viewBox="([-0-9.]+) ([-0-9.]+) ([-0-9.]+) ([-0-9.]+)"`)[0]
			boxes := numbers(t, text, `<rect x="([-0-9.]+)" y="([-0-9.]+)" width="([0-9.]+)" height="([0-9.]+)" rx="10"`)
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

func numbers(t *testing.T, text, pattern string) [][]float64 {
	t.Helper()
	var all [][]float64
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, parsed(t, match[1:]))
	}
	return all
}
