package transcript_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/internal/transcript"
)

type fakeTB struct {
	*testing.T
	failure string
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	if f.failure == "" {
		f.failure = fmt.Sprintf(format, args...)
	}
}

func readme(shown string) string {
	return "# a\n\n```sh\nmake\n```\n\n```console\n" + shown + "```\n\nend\n"
}

// check is what Check says of a README that shows a block, for a program that says a text.
func check(t *testing.T, shown, says string) (failure, text string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("README.md", []byte(readme(shown)), 0o600))
	tr := &transcript.Transcript{
		Program: "go run .", Elide: regexp.MustCompile("^noise"),
		Run: func(_ []string, stdout, stderr io.Writer) int {
			fmt.Fprint(stdout, says)
			fmt.Fprint(stderr, "warning\n")
			return 2
		},
	}
	tb := &fakeTB{T: t}
	tr.Start(tb)
	require.NoFileExists(t, "README.md")
	exit, stdout := tr.Do("-a", "b c")
	require.Equal(t, 2, exit)
	require.Equal(t, says, stdout)
	tr.Check(tb)
	after, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	return tb.failure, string(after)
}

func TestCheck(t *testing.T) {
	const shown = "$ go run . -a 'b c'\nplan 9b2d7c41e06f\n  ...\nend\nwarning\nexit status 2\n"
	t.Setenv(golden.Variable, "")
	failure, _ := check(t, shown, "plan 0123456789ab\nnoise 1\nnoise 2\nend\n")
	require.Empty(t, failure)
	failure, text := check(t, shown, "plan 0123456789ab\nend\n")
	require.Contains(t, failure, "stale")
	require.Equal(t, readme(shown), text)
	failure, _ = check(t, shown, "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln\n")
	require.Contains(t, failure, "there is a token")
	failure, _ = check(t, shown+"```\n\n```console\n$ true\n", "plan 0123456789ab\nnoise 1\nend\n")
	require.Contains(t, failure, "has 2 console blocks")

	t.Setenv(golden.Variable, "1")
	failure, text = check(t, "old\n", "plan 0123456789ab\nnoise 1\nend\n")
	require.Empty(t, failure)
	require.Equal(t, readme(shown), text)
}
