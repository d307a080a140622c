package peering_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// requireSelfContained holds a page to closed elements, unique ids, references to itself only, and no script.
func requireSelfContained(t testing.TB, text string) {
	t.Helper()
	require.True(t, strings.HasPrefix(text, "<!DOCTYPE html>\n"))
	for _, bad := range []string{"ZgotmplZ", "NaN", "Inf%", "@import", "url("} {
		require.NotContains(t, text, bad)
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.Strict, decoder.Entity = false, xml.HTMLEntity
	var open, references []string
	ids := map[string]bool{}
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "base", "form"}, e.Name.Local)
			if e.Name.Local != "meta" {
				open = append(open, e.Name.Local)
			}
			for _, a := range e.Attr {
				require.False(t, strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || a.Name.Local == "style", a.Name.Local)
				switch a.Name.Local {
				case "id":
					require.False(t, ids[a.Value], "id %s twice", a.Value)
					ids[a.Value] = true
				case "href":
					require.True(t, strings.HasPrefix(a.Value, "#"), a.Value)
					references = append(references, a.Value[1:])
				case "aria-labelledby":
					references = append(references, a.Value)
				}
			}
		case xml.EndElement:
			require.NotEmpty(t, open)
			require.Equal(t, open[len(open)-1], e.Name.Local)
			open = open[:len(open)-1]
		}
	}
	require.Empty(t, open)
	for _, reference := range references {
		require.True(t, ids[reference], "no element has id %s", reference)
	}
}

// littered is a report with the text wherever there is room for one.
func littered(text string) (*peering.Report, peering.HTMLOptions) {
	change := peering.Change{Stage: peering.Stage(text), On: peering.MustID("east"), Object: text, Action: peering.Action(text), Reason: text}
	changes := []peering.Change{change}
	link := peering.LinkReport{
		From: peering.MustID("east"), To: peering.MustID("west"), Status: probe.Status(text), Changes: changes, Undone: changes, Left: changes,
		Results:    []probe.Result{{Check: text, Target: text, Status: probe.Failed, Took: 1, Summary: text, Hint: text, Err: errors.New("behind " + text)}},
		Credential: &secrets.Ref{Kind: secrets.Kind(text), Namespace: text, Name: text, ServiceAccount: text, Fingerprint: text, Warnings: []string{text}},
		Warnings:   []string{text}, Error: &peering.Error{Stage: peering.Stage(text), Err: errors.New(text), Hint: text},
	}
	report := &peering.Report{
		Goal: peering.Goal(text), Links: []peering.LinkReport{link}, Warnings: map[string][]string{text: {text}, "east": {text}},
	}
	splits := map[string]probe.Split{text: {Answers: map[string]int{text: 1}}}
	return report, peering.HTMLOptions{Title: text, Splits: splits}
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	values = regexp.MustCompile(`"[^"]*"`)
)

// skeleton is the page without its texts and the values of its attributes.
func skeleton(page string) string {
	return values.ReplaceAllString(strings.Join(tags.FindAllString(page, -1), "\n"), `""`)
}

// FuzzForms: whatever an API server says, it stays text in the page, and the XML stays XML.
func FuzzForms(f *testing.F) {
	for _, text := range []string{
		"plain", `"><script>alert(1)</script>`, `' onload='x`, "]]>", "</style><b>", "</title>", "javascript:x", "{{.}}", "<!--", "-->", "a\x00b\x1b\xff", "\u202e", "&amp;",
	} {
		f.Add(text)
	}
	plain, options := littered("plain")
	want := writeHTML(f, plain, options)
	requireSelfContained(f, want)
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || text == "undone" || text == "east" {
			return // says less, or the same twice
		}
		report, options := littered(text)
		require.Equal(t, skeleton(want), skeleton(writeHTML(t, report, options)))
		require.Equal(t, 1, readJUnit(t, report).Errors)
	})
}

// TestFormsHoldNoToken writes reports of a mesh with and without a failure and looks for its tokens.
func TestFormsHoldNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh, east, west, _ := pair()
		links := peering.Mesh(mesh.Clusters()...)
		var out bytes.Buffer
		for _, broken := range []bool{false, true} {
			if broken {
				east.Istiods.Stick("istiod-1", istiod.NotSeen)
			}
			report, err := new(peering.Peering).Rotate(t.Context(), links...)
			require.Equal(t, broken, err != nil)
			require.NoError(t, report.WriteHTML(&out, peering.HTMLOptions{}))
			require.NoError(t, report.WriteJUnit(&out))
		}
		tokens := 0
		for _, m := range []*peeringtest.Member{east, west} {
			found, err := m.List(t.Context(), secret(""), "")
			require.NoError(t, err)
			for _, o := range found {
				if token := string(o.(*corev1.Secret).Data["token"]); token != "" {
					tokens++
					require.NotContains(t, out.String(), token, "a token left")
				}
			}
		}
		require.NotZero(t, tokens)
	})
}
