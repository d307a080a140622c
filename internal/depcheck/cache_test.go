package depcheck_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain looks at every source file of the module. go test repeats the result of an earlier run as long as the files that
// the test itself looked at are the same; it does not see what the go command, a child, reads.
func TestMain(m *testing.M) {
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if name := entry.Name(); strings.HasSuffix(name, ".go") || name == "go.mod" || name == "go.sum" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestCacheSeesTheModule(t *testing.T) {
	require.FileExists(t, "../../rbac/doc.go", "the walk of TestMain begins at the module's root")
}
