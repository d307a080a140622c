package depcheck_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// see looks at every source file of the module, and at every folder, where one may be new. go test repeats the result of an
// earlier run as long as what the test itself looked at is the same; it does not see what the go command, a child, reads, nor
// what TestMain does before it runs the tests.
func see(t *testing.T) {
	t.Helper()
	seen := 0
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if name := entry.Name(); entry.IsDir() || strings.HasSuffix(name, ".go") || name == "go.mod" || name == "go.sum" {
			_, err = os.Stat(path)
			seen++
		}
		return err
	}))
	require.FileExists(t, "../../rbac/doc.go", "the walk begins at the module's root")
	require.Greater(t, seen, 100)
}
