package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/manifest"
)

// read returns a line for each object: number and line of its document, and its kind.
func read(text string) (lines []string, err error) {
	err = manifest.Read(iotest.HalfReader(strings.NewReader(text)), func(d manifest.Document) error {
		return d.Objects(func(o manifest.Object) error {
			lines = append(lines, fmt.Sprintf("%d@%d %s %s", d.Number, d.Line, o.APIVersion, o.Kind))
			return nil
		})
	})
	return lines, err
}

const a, b = "apiVersion: v1\nkind: A\n", "apiVersion: v1\nkind: B\n"

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":                 {"", nil},
		"comments only":           {"# a\n\n---\n  # b\n---\n...\n", nil},
		"one":                     {a, []string{"1@1 v1 A"}},
		"no line end":             {a + "---\n" + strings.TrimSuffix(b, "\n"), []string{"1@1 v1 A", "2@4 v1 B"}},
		"comments between":        {"# a\n---\n\n# b\n" + a + "# c\n--- # d\n# e\n" + b, []string{"1@5 v1 A", "2@10 v1 B"}},
		"ends":                    {a + "...\n" + b + "... \n", []string{"1@1 v1 A", "2@4 v1 B"}},
		"content on the marker":   {"--- {\"apiVersion\": \"v1\", \"kind\": \"A\"}\n---\t\n" + b, []string{"1@1 v1 A", "2@3 v1 B"}},
		"directives":              {"%YAML 1.1\n%TAG ! x\n---\n" + a, []string{"1@4 v1 A"}},
		"byte order marks":        {"\ufeff" + a + "\ufeff---\n\ufeff" + b, []string{"1@1 v1 A", "2@4 v1 B"}},
		"no markers":              {a + "data:\n  x: |\n    ---\n    kind: B\n----: 1\n---x: 2\n", []string{"1@1 v1 A"}},
		"JSON in a row":           {"{\"apiVersion\":\"v1\",\"kind\":\"A\"}{\"apiVersion\":\"v1\",\n\"kind\":\"B\"}\n", []string{"1@1 v1 A", "1@1 v1 B"}},
		"a block at the end":      {a + "data: |+\n  x\n", []string{"1@1 v1 A"}},
		"a key twice, not looked": {a + "kind: B\n", []string{"1@1 v1 B"}},
		"a long line":             {a + "data: " + strings.Repeat("x", 200<<10) + "\n---\n" + b, []string{"1@1 v1 A", "2@5 v1 B"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(tc.text)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			got, err = read(strings.ReplaceAll(tc.text, "\n", "\r\n"))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

// A parser reads the first part of each of these, and says nothing of the second.
func TestPartsThatAParserPassesOver(t *testing.T) {
	for name, text := range map[string]string{
		"carriage return":   a + "\r---\r" + b,
		"next line":         a + "\u0085---\u0085" + b,
		"line separator":    a + "\u2028---\u2028" + b,
		"end, then another": a + "\r...\r" + b,
		"left of the first": "  apiVersion: v1\n  kind: A\n" + b,
		"flow and block":    "&x {apiVersion: v1, kind: A}\n" + b,
		"a text and block":  "\"text\"\n" + b,
	} {
		_, err := read(text)
		require.ErrorContains(t, err, "more than one object", name)
	}
	_, err := read(a + "x-meshpeer-last: true\n")
	require.ErrorContains(t, err, "which nothing may have")
}

func TestContent(t *testing.T) {
	content := func(text string) (map[string]any, error) {
		var got map[string]any
		err := manifest.Read(strings.NewReader(text), func(d manifest.Document) error {
			return d.Objects(func(o manifest.Object) (err error) {
				got, err = o.Content()
				return err
			})
		})
		return got, err
	}
	got, err := content(a + "count: 1\ns: |+\n  x\n")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"apiVersion": "v1", "kind": "A", "count": int64(1), "s": "x\n"}, got)
	same, err := content(`{"apiVersion": "v1", "kind": "A", "count": 1, "s": "x\n"}`)
	require.NoError(t, err)
	require.Equal(t, got, same)

	for text, want := range map[string]string{
		a + "count: 1\ncount: 2\n":                                 `key "count" already set`,
		`{"apiVersion":"v1","kind":"A","a":[{"b":{},"b":1}]}`:      `key "b" is there twice`,
		`{"apiVersion":"v1","kind":"A","a":{"b":"b"},"a":null}`:    `key "a" is there twice`,
		`{"apiVersion":"v1","kind":"A","a":["b","b",{"b":"a"}]}{}`: "has no apiVersion",
		"- a\n":  "did not find expected",
		"a: [\n": "yaml: line",
	} {
		_, err := content(text)
		require.ErrorContains(t, err, want)
	}
}

func TestInto(t *testing.T) {
	var o metav1.PartialObjectMetadata
	require.NoError(t, manifest.Into(map[string]any{"kind": "A", "metadata": map[string]any{"name": "x"}}, &o))
	require.Equal(t, "x", o.Name)
	for want, content := range map[string]map[string]any{
		`unknown field "metadata.Name"`: {"metadata": map[string]any{"Name": "x"}},
		"cannot unmarshal number into":  {"metadata": map[string]any{"name": int64(1)}},
	} {
		require.ErrorContains(t, manifest.Into(content, &metav1.PartialObjectMetadata{}), want)
	}
}

func TestReadStops(t *testing.T) {
	stop := errors.New("stop")
	seen := 0
	err := manifest.Read(strings.NewReader(a+"---\n"+b), func(manifest.Document) error { seen++; return stop })
	require.ErrorIs(t, err, stop)
	require.Equal(t, 1, seen)
	err = manifest.Read(strings.NewReader(a+"...\n"+b), func(manifest.Document) error { seen++; return stop })
	require.ErrorIs(t, err, stop)
	require.Equal(t, 2, seen)

	gone := errors.New("gone")
	var at *manifest.Error
	require.ErrorAs(t, manifest.Read(iotest.ErrReader(gone), nil), &at)
	require.Equal(t, manifest.Error{Document: 1, Line: 1, Err: gone}, *at)
	require.Equal(t, "document 1, line 1: gone", at.Error())
	require.ErrorIs(t, at, gone)

	large := bytes.Repeat([]byte("# x\n"), manifest.MaxDocument/4)
	none := func(manifest.Document) error { return nil }
	require.NoError(t, manifest.Read(bytes.NewReader(large), none))
	require.ErrorContains(t, manifest.Read(bytes.NewReader(append(large, '#')), none), "larger than 8 MiB: split it")
}
