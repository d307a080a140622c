package page_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/probe"
)

// body writes the page and returns its body. It looks for numbers and addresses that are none.
func body(t *testing.T, r *page.Report, o page.HTMLOptions) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteHTML(&out, o))
	for _, bad := range []string{"ZgotmplZ", "NaN", "Inf"} {
		require.NotContains(t, out.String(), bad)
	}
	_, text, found := strings.Cut(out.String(), "<body>")
	require.True(t, found)
	return text
}

func TestHTMLWithoutLinks(t *testing.T) {
	text := body(t, &page.Report{}, page.HTMLOptions{})
	require.Contains(t, text, "Peering of 0 clusters")
	require.NotContains(t, text, "<svg")
	require.NotContains(t, text, "<dt>took</dt>")
}

func TestHTMLHead(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, tt := range map[string]struct {
		report page.Report
		title  string
	}{
		"two <lines> ✓ passed links none goal present written yes took 1.5s call Ensure again before 2026-01-02T03:04:05Z made 2026-01-02T04:04:05Z": {
			page.Report{Status: probe.Passed, Goal: "present", Changed: true, Took: 1500 * time.Millisecond, RenewAt: at}, "two <lines>",
		},
		`one\nline ? unknown links none goal verify only written nothing made 2026-01-02T04:04:05Z`: {page.Report{Status: probe.Unknown}, "one\nline"},
	} {
		text := body(t, &tt.report, page.HTMLOptions{Title: tt.title, Made: at.Add(time.Hour)})
		require.Equal(t, want, words(regexp.MustCompile(`(?s)<header>.*</header>`).FindString(text)))
	}
}

func TestHTMLCountsLinks(t *testing.T) {
	report := ring(3, "c")
	report.Links[0].Status = "of-tomorrow"
	require.Contains(t, body(t, report, page.HTMLOptions{}), "<dt>links</dt><dd>2 unknown, 1 warned, 2 passed, 1 skipped</dd>")
}

// TestHTMLOverviewSaysWhy looks at what stands beside a link in the overview.
func TestHTMLOverviewSaysWhy(t *testing.T) {
	for want, link := range map[string]page.Link{
		"second: grave":                {Results: []page.Result{{Check: "first", Status: probe.Warned, Summary: "light"}, {Check: "second", Status: probe.Failed, Summary: "grave"}}},
		"left behind: ClusterRole/one": {Left: []page.Change{{Object: "ClusterRole/one"}}, Warnings: []string{"warning"}},
		"the newest role was taken":    {Warnings: []string{"the newest role was taken"}},
		"mint on west: no token":       {Error: &page.Failure{Stage: "mint", On: "west", Cause: "no token"}, Results: []page.Result{{Status: probe.Failed, Summary: "seen"}}},
	} {
		t.Run(want, func(t *testing.T) {
			link.From, link.To = "east", "west"
			text := body(t, &page.Report{Links: []page.Link{link}}, page.HTMLOptions{})
			require.Contains(t, text, `east → west</a> <span class="note">`+want+`</span>`)
		})
	}
}

// TestHTMLTellsStatusInWords holds a page to more than colour.
func TestHTMLTellsStatusInWords(t *testing.T) {
	for status, want := range map[probe.Status]string{
		probe.Passed: `passed"><span aria-hidden="true">✓</span> passed`, probe.Warned: `warned"><span aria-hidden="true">!</span> warned`,
		probe.Failed: `failed"><span aria-hidden="true">✕</span> failed`, probe.Unknown: `unknown"><span aria-hidden="true">?</span> unknown`,
		probe.Skipped: `skipped"><span aria-hidden="true">–</span> skipped`, "": `skipped"><span aria-hidden="true">–</span> not run`,
		"of-tomorrow": `unknown"><span aria-hidden="true">?</span> unknown (of-tomorrow)`,
	} {
		t.Run("status "+string(status), func(t *testing.T) {
			text := body(t, &page.Report{Links: []page.Link{{From: "east", To: "west", Results: []page.Result{{Check: "check", Status: status}}}}}, page.HTMLOptions{})
			require.Contains(t, text, `class="badge `+want)
		})
	}
}

func TestHTMLTellsActionsBySign(t *testing.T) {
	for action, want := range map[string]string{
		"unchanged": `same"><span aria-hidden="true">=`, "verified": `same"><span aria-hidden="true">=`, "created": `done"><span aria-hidden="true">&#43;`,
		"deleted": `done"><span aria-hidden="true">−`, "revoked": `done"><span aria-hidden="true">−`, "updated": `done"><span aria-hidden="true">~`,
	} {
		text := body(t, &page.Report{Links: []page.Link{{Changes: []page.Change{{Action: action}}}}}, page.HTMLOptions{})
		require.Contains(t, text, `class="badge `+want+"</span> "+action)
	}
}

func TestHTMLDurations(t *testing.T) {
	for took, want := range map[time.Duration]string{
		7312 * time.Millisecond: "7.31s", 84499 * time.Microsecond: "84.5ms", 1234567: "1.23ms", 90*time.Second + 123456789: "1m30.1s",
		2*time.Hour + 1499*time.Millisecond: "2h0m1s", 950: "950ns", 1: "1ns",
	} {
		require.Contains(t, body(t, &page.Report{Took: took}, page.HTMLOptions{}), "<dt>took</dt><dd>"+want+"</dd>")
	}
}

func TestHTMLBarsAreRelativeToTheLongest(t *testing.T) {
	report := &page.Report{Links: []page.Link{
		{Results: []page.Result{{Check: "a", Took: time.Second}, {Check: "b"}}},
		{Results: []page.Result{{Check: "c", Took: 4 * time.Second}}},
	}}
	bars := regexp.MustCompile(`class="part" width="([0-9.]+)%"`).FindAllStringSubmatch(body(t, report, page.HTMLOptions{}), -1)
	require.Len(t, bars, 2)
	require.Equal(t, []string{"25", "100"}, []string{bars[0][1], bars[1][1]})
}

// TestHTMLSplitShowsTheInterval compares the plot with what probe computes.
func TestHTMLSplitShowsTheInterval(t *testing.T) {
	split := probe.Split{Answers: map[string]int{"east": 30, "west": 10}}
	text := body(t, &page.Report{}, page.HTMLOptions{Splits: map[string]probe.Split{"httpbin": split, "none": {}, "silent": {Answers: map[string]int{"east": 0}}}})
	require.Contains(t, text, "no answers")
	plots := regexp.MustCompile(`class="interval" x="([0-9.]+)%" y="5" width="([0-9.]+)%".* cx="([0-9.]+)%"`).FindAllStringSubmatch(text, -1)
	for i, s := range split.Shares() {
		require.InDeltaSlice(t, []float64{100 * s.Low, 100 * (s.High - s.Low), 100 * float64(s.Answers) / float64(s.Of)}, parsed(t, plots[i][1:]), 0.1)
		require.Contains(t, text, s.String())
	}
}

// TestHTMLSaysWhatALinkIsToBe: and nothing of it where nobody says.
func TestHTMLSaysWhatALinkIsToBe(t *testing.T) {
	text := body(t, &page.Report{Links: []page.Link{{Intent: intent}, {}}}, page.HTMLOptions{})
	require.Contains(t, text, "<div><dt>endpoint</dt><dd>https://10.0.0.1:6443</dd></div>\n<div><dt>CA sha256</dt><dd>ab12</dd></div>\n")
	require.Equal(t, 2, strings.Count(text, `<dl class="facts">`), "one of the page, one of the link")
}
