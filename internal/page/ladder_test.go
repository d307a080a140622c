package page_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/probe"
)

// TestLadder: what stood in the way, what was done, what was seen and what became of it, in this order.
func TestLadder(t *testing.T) {
	change := page.Change{Stage: "grant", On: "west", Object: "ClusterRole/a", Action: "created", Reason: "it was missing"}
	undone := change
	undone.Action, undone.Reason = "deleted", "undone"
	link := page.Link{
		From: "east", To: "west",
		Left: []page.Change{change}, Undone: []page.Change{undone}, Changes: []page.Change{change},
		Results: []page.Result{
			{Check: "sync", Target: "istiod-1", Status: probe.Failed, Summary: "it is late", Err: "late", Hint: "wait"}, // said already
			{Check: "sync", Target: "istiod-2", Status: probe.Unknown, Summary: "not asked", Err: "forbidden"},
		},
		Findings: []page.Result{{Check: "versions", Target: "east", Status: probe.Warned, Summary: "old"}},
	}
	require.Equal(t, []string{
		"! warned preflight versions east old",
		"+ created grant ClusterRole/a on west it was missing",
		"✕ failed sync istiod-1 it is late Next: wait",
		"? unknown sync istiod-2 not asked Error: forbidden",
		"↩ undone, deleted grant ClusterRole/a on west",
		"! left behind grant ClusterRole/a on west it was missing Next: remove it by hand, or call again",
	}, ladder(t, link))
	require.Empty(t, ladder(t, page.Link{}))
}

// TestHTMLCredential: what is not known is not said, but an expiry that is not known is.
func TestHTMLCredential(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		link page.Link
		want string
	}{
		"all": {
			page.Link{RenewAt: at, Credential: &page.Credential{
				Kind: "bound", Namespace: "istio-system", Name: "a-2", ServiceAccount: "a", Fingerprint: "0123", Generation: 2, Expires: at.Add(time.Hour), Warnings: []string{"short"},
			}},
			"Credential fingerprint 0123 kind bound object istio-system/a-2 account a generation 2 expires 2026-01-02T04:04:05Z " +
				"call Ensure again before 2026-01-02T03:04:05Z Warning: short",
		},
		"little": {page.Link{Credential: &page.Credential{Kind: "durable", Fingerprint: "0123"}}, "Credential fingerprint 0123 kind durable expires no expiry is known"},
	} {
		t.Run(name, func(t *testing.T) {
			text := regexp.MustCompile(`(?s)<h3>.*</section>`).FindString(body(t, &page.Report{Links: []page.Link{tt.link}}, page.HTMLOptions{}))
			require.Equal(t, tt.want, words(text))
		})
	}
}

// ladder is a line for each rung, as it is read.
func ladder(t *testing.T, l page.Link) (rungs []string) {
	t.Helper()
	text := regexp.MustCompile(`(?s)<ol.*</ol>`).FindString(body(t, &page.Report{Links: []page.Link{l}}, page.HTMLOptions{}))
	for _, item := range regexp.MustCompile(`(?s)<li.*?</li>`).FindAllString(text, -1) {
		rungs = append(rungs, words(item))
	}
	return rungs
}

var markup = regexp.MustCompile(`<[^>]*>|\s+`)

// words of markup, one blank apart.
func words(text string) string {
	var all []string
	for _, word := range markup.Split(text, -1) {
		if word != "" {
			all = append(all, html.UnescapeString(word))
		}
	}
	return strings.Join(all, " ")
}
