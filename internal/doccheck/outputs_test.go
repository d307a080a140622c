package doccheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const gap = "…" // a line of it stands for lines that are left out

// excerpt says why text is not made of lines of file, in their order, with gaps marked.
func excerpt(text, file string) string {
	rest := "\n" + file
	for _, part := range strings.Split("\n"+text, "\n"+gap+"\n") {
		part = "\n" + strings.Trim(part, "\n") + "\n"
		at := strings.Index(rest, part)
		if at < 0 && part != "\n\n" {
			return fmt.Sprintf("%q does not follow", part)
		}
		if at >= 0 {
			rest = rest[at+len(part)-1:]
		}
	}
	return ""
}

// TestOutputs: a block of text or JSON says from which file it is, which another test writes. Other blocks may, too.
func TestOutputs(t *testing.T) {
	looked := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "text" && b.language != "json" && b.from == "" {
				continue
			}
			looked++
			if b.from == "" {
				t.Errorf("%s:%d: put <!-- from: FILE --> before the block, with the file of a run that it is from", p.path, b.line)
				continue
			}
			file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(b.from)))
			require.NoError(t, err, "%s:%d", p.path, b.line)
			if why := excerpt(b.text, string(file)); why != "" {
				t.Errorf("%s:%d: not an excerpt of %s: %s", p.path, b.line, b.from, why)
			}
		}
	}
	require.Greater(t, looked, 10)
}

func TestExcerpt(t *testing.T) {
	const file = "a\nb\nc\nd\n"
	for _, good := range []string{"a\n", "b\nc\n", "a\n…\nd\n", "…\nb\n", "b\n…\n"} {
		require.Empty(t, excerpt(good, file), good)
	}
	for _, bad := range []string{"x\n", "a\nc\n", "b\na\n", "a\n…\nx\n"} {
		require.NotEmpty(t, excerpt(bad, file), bad)
	}
}
