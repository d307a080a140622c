package golden_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

type fakeTB struct{ failure string }

func (f *fakeTB) Helper() {}

func (f *fakeTB) Fatalf(format string, args ...any) { f.failure = fmt.Sprintf(format, args...) }

func run(t *testing.T, update, name, got string) string {
	t.Helper()
	require.NoError(t, flag.Set("update", update))
	defer func() { require.NoError(t, flag.Set("update", "false")) }()
	tb := &fakeTB{}
	golden.Equal(tb, name, []byte(got))
	return tb.failure
}

func TestEqual(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Contains(t, run(t, "false", "a/b.txt", "one\n"), "-update to write it")
	require.Empty(t, run(t, "true", "a/b.txt", "one\ntwo\n"))
	require.Empty(t, run(t, "false", "a/b.txt", "one\ntwo\n"))
	failure := run(t, "false", "a/b.txt", "one\n2\n")
	require.Contains(t, failure, "line 2")
	require.Contains(t, failure, `- "two\n"`)
	require.Contains(t, failure, `+ "2\n"`)
	require.NotContains(t, failure, "one")
	require.Contains(t, run(t, "false", "a/b.txt", "one\ntwo\nthree"), `+ "three"`)
	require.Contains(t, run(t, "false", "a/b.txt", "one\ntwo"), "line 2")
}

func TestEqualCannotWrite(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Empty(t, run(t, "true", "a", "file"))
	require.Contains(t, run(t, "true", "a/b", "below a file"), "golden:")
}
