package golden_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

type fakeTB struct{ failure string }

func (f *fakeTB) Helper() {}

func (f *fakeTB) Fatalf(format string, args ...any) { f.failure = fmt.Sprintf(format, args...) }

func run(t *testing.T, update, name, got string) string {
	t.Helper()
	t.Setenv(golden.Variable, update)
	tb := &fakeTB{}
	golden.Equal(tb, name, []byte(got))
	return tb.failure
}

func TestEqual(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Contains(t, run(t, "", "a/b.txt", "one\n"), "to write it, run go test with MESHPEER_UPDATE=1")
	require.Empty(t, run(t, "1", "a/b.txt", "one\ntwo\n"))
	require.Empty(t, run(t, "", "a/b.txt", "one\ntwo\n"))
	require.Empty(t, run(t, "0", "a/b.txt", "one\ntwo\n"))
	failure := run(t, "", "a/b.txt", "one\n2\n")
	require.Contains(t, failure, "line 2")
	require.Contains(t, failure, `- "two\n"`)
	require.Contains(t, failure, `+ "2\n"`)
	require.NotContains(t, failure, "one")
	require.Contains(t, run(t, "", "a/b.txt", "one\ntwo\nthree"), `+ "three"`)
	require.Contains(t, run(t, "", "a/b.txt", "one\ntwo"), "line 2")
	require.Contains(t, run(t, "false", "a/b.txt", "other"), "line 1")
}

// TestNothingNeverPasses: no output equals no file, whatever is on disk and whatever mode it is.
func TestNothingNeverPasses(t *testing.T) {
	for _, file := range []string{"", "\n", " \t\n\n", "text\n"} {
		for _, got := range []string{"", "\n", " \t\n\n"} {
			for _, update := range []string{"", "0", "1"} {
				t.Run(fmt.Sprintf("%q/%q/%s", file, got, update), func(t *testing.T) {
					t.Chdir(t.TempDir())
					require.NoError(t, os.MkdirAll("testdata", 0o755))
					require.NoError(t, os.WriteFile("testdata/a.txt", []byte(file), 0o600))
					require.Contains(t, run(t, update, "a.txt", got), "produced no output")
					content, err := os.ReadFile("testdata/a.txt")
					require.NoError(t, err)
					require.Equal(t, file, string(content), "the file is kept")
				})
			}
		}
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("testdata/folder", 0o755))
	require.NoError(t, os.WriteFile("testdata/empty.txt", nil, 0o600))
	require.NotEmpty(t, run(t, "", "empty.txt", "text\n"))
	require.NotEmpty(t, run(t, "", "absent.txt", "text\n"))
	require.NotEmpty(t, run(t, "", "folder", "text\n"))
	require.NotEmpty(t, run(t, "", "", "text\n"))
}

// TestVariable: a value that is neither yes nor no must not write over the files, nor be taken as no.
func TestVariable(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Empty(t, run(t, "1", "a.txt", "text\n"))
	for _, value := range []string{"yes", "2", " ", "on", "-update"} {
		require.Contains(t, run(t, value, "a.txt", "text\n"), "MESHPEER_UPDATE", value)
		require.Contains(t, run(t, value, "new.txt", "text\n"), "set it to 1", value)
		require.NoFileExists(t, "testdata/new.txt")
	}
}

func TestEqualCannotWrite(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Empty(t, run(t, "1", "a", "file"))
	require.Contains(t, run(t, "1", "a/b", "below a file"), "golden:")
}
