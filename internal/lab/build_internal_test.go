//go:build linux

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCacheKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	key := func() string {
		k, err := cacheKey(dir)
		require.NoError(t, err)
		require.Len(t, k, 16)
		return k
	}
	write("main.go", "package main")
	write("go.mod", "module x")
	first := key()
	write("main_test.go", "package main")
	write("notes.txt", "nothing")
	require.Equal(t, first, key(), "tests and other files do not matter")
	write("go.mod", "module y")
	second := key()
	require.NotEqual(t, first, second)
	write("main.go", "package  main")
	require.NotEqual(t, second, key())
}

// The whole way through a module that builds in a moment, but for the files taken from Istio's modules.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module tiny\n\ngo 1.26.0\n"), 0o600))
	source := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	var said []string
	say := func(format string, _ ...any) { said = append(said, format) }
	to := filepath.Join(dir, "binary")
	require.NoError(t, compile(dir, to, say))
	require.FileExists(t, to)
	require.GreaterOrEqual(t, len(said), 2)

	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() { undefinedName() }\n"), 0o600))
	require.ErrorContains(t, compile(dir, to, say), "undefinedName")
}

func TestCountPackages(t *testing.T) {
	var n atomic.Int64
	complaints := countPackages(strings.NewReader("fmt\nk8s.io/api/core/v1\n# tiny\n./main.go:3:15: undefined: x\n"), &n)
	require.EqualValues(t, 2, n.Load())
	require.Equal(t, "# tiny\n./main.go:3:15: undefined: x\n", complaints)
}

func TestPrune(t *testing.T) {
	cache := t.TempDir()
	old := time.Now().Add(-keepUnused - time.Hour)
	for _, name := range []string{"run", "current", "unused", "recent", ".build-1"} {
		require.NoError(t, os.Mkdir(filepath.Join(cache, name), 0o700))
		if name != "recent" {
			require.NoError(t, os.Chtimes(filepath.Join(cache, name), old, old))
		}
	}
	require.NoError(t, prune(cache, "current"))
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(cache, "current"), filepath.Join(cache, "recent"), filepath.Join(cache, "run")}, left)
}

func TestParseAudit(t *testing.T) {
	const log = `{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"2","verb":"create","objectRef":{"resource":"pods"},"responseStatus":{"code":201}}
{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"3","verb":"cre`
	events, err := parseAudit(strings.NewReader(log))
	require.NoError(t, err)
	require.Len(t, events, 2, "a request once, a half-written line not at all")
	require.Equal(t, AuditCount{Reads: 1, Writes: 1}, CountAudit(events, nil))
	_, err = parseAudit(strings.NewReader("no JSON\n"))
	require.Error(t, err)
}

func TestClean(t *testing.T) {
	out := "2026\twarn\tThe environment variable POD_NAMESPACE was registered multiple times using different metadata\n{}\n"
	require.Equal(t, "{}\n", string(clean([]byte(out))))
}
