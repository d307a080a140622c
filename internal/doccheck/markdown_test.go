package doccheck_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// page is a Markdown file, taken apart.
type page struct {
	path   string // from the module's root, with slashes
	blocks []block
	lines  []line // outside of blocks
}

type block struct {
	language string
	from     string // of the comment <!-- from: FILE --> before it
	with     string // of the comment <!-- with: a A, b B --> before it
	line     int    // of its first line of text, counted from 1
	text     string
}

type line struct {
	number int
	text   string
}

var blockComment = regexp.MustCompile(`^<!-- (from|with): (.+) -->$`)

// pages are all Markdown files of the repository, but test data and what git does not know of a folder of its own.
func pages(t *testing.T) (all []page) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "cover") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			all = append(all, read(t, path))
		}
		return nil
	}))
	require.Greater(t, len(all), 5)
	return all
}

func read(t *testing.T, path string) page {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	name, err := filepath.Rel(root, path)
	require.NoError(t, err)
	p := parse(string(data))
	p.path = filepath.ToSlash(name)
	return p
}

// parse knows fenced blocks only, which is what we write.
func parse(text string) (p page) {
	var open *block
	said := map[string]string{}
	for i, l := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(l), "```")
		switch {
		case open == nil && isFence:
			open = &block{language: fence, from: said["from"], with: said["with"], line: i + 2}
		case open != nil && isFence:
			p.blocks, open = append(p.blocks, *open), nil
		case open != nil:
			open.text += l + "\n"
		default:
			p.lines = append(p.lines, line{i + 1, l})
		}
		said = map[string]string{}
		if m := blockComment.FindStringSubmatch(l); m != nil {
			said[m[1]] = m[2]
		}
	}
	return p
}

var inlineCode = regexp.MustCompile("`([^`]+)`")

// codes are the texts in single backquotes.
func (l line) codes() (all []string) {
	for _, m := range inlineCode.FindAllStringSubmatch(l.text, -1) {
		all = append(all, m[1])
	}
	return all
}

// ownModule says whether a path lies in the root module.
func ownModule(path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return false
		}
	}
	return true
}

func TestParse(t *testing.T) {
	p := parse("# A `b.C`\n<!-- from: x/y.txt -->\n```text\nout\n```\nend `d` and `e`\n<!-- with: c C -->\n```go\na := 1\n\nb := a\n```\n")
	require.Equal(t, []block{{"text", "x/y.txt", "", 4, "out\n"}, {"go", "", "c C", 9, "a := 1\n\nb := a\n"}}, p.blocks)
	require.Equal(t, 6, p.lines[2].number)
	require.Equal(t, []string{"d", "e"}, p.lines[2].codes())
}

// TestBlocksAreClosed: an open fence would hide the rest of a page from every other test.
func TestBlocksAreClosed(t *testing.T) {
	for _, p := range pages(t) {
		data, err := os.ReadFile(filepath.Join(root, p.path))
		require.NoError(t, err)
		fences := 0
		for _, l := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(strings.TrimSpace(l), "```") {
				fences++
			}
		}
		require.Zero(t, fences%2, "%s has an open block", p.path)
	}
}
