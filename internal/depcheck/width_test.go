package depcheck_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader finds a room among few doors, and reads a file in one go.
const (
	maxFiles = 26
	maxLines = 250
	maxDoc   = 552 // lines of go doc -all of package peering
)

// TestWidth bounds the files of each package of the SDK and the lines of each file, tests aside. What has a go.mod of its own,
// and examples, are not of the SDK.
func TestWidth(t *testing.T) {
	see(t)
	looked := 0
	for _, top := range []string{"rbac", "secrets", "probe", "peering", "internal"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", top), func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			looked++
			return tooWide(t, path)
		}))
	}
	require.Greater(t, looked, 20)
}

func tooWide(t *testing.T, dir string) error {
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	files := 0
	for _, file := range all {
		if matched, _ := filepath.Match("*_test.go", filepath.Base(file)); matched {
			continue
		}
		files++
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if n := bytes.Count(source, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines; more than %d hold more than one idea", file, n, maxLines)
		}
	}
	if files > maxFiles {
		t.Errorf("%s has %d files; more than %d hide what is in them", dir, files, maxFiles)
	}
	return nil
}

// TestDoc bounds what somebody reads who asks for the whole of package peering.
func TestDoc(t *testing.T) {
	see(t)
	out, err := exec.CommandContext(t.Context(), "go", "doc", "-all", "../../peering").Output()
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(out, []byte("\n")), maxDoc)
	require.Contains(t, string(out), "func (p *Peering) Ensure")
}

// small are the programs of less than 100 lines, blank ones aside, that people copy whole.
var small = []string{"adopt", "custom-token", "doctor", "fleet", "gitops", "pair", "plan-apply", "revoke"}

func TestSmallPrograms(t *testing.T) {
	see(t)
	for _, name := range small {
		sources, err := filepath.Glob(filepath.Join("../../examples", name, "*.go"))
		require.NoError(t, err)
		lines := 0
		for _, file := range sources {
			if matched, _ := filepath.Match("*_test.go", filepath.Base(file)); matched {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for line := range bytes.Lines(source) {
				if len(bytes.TrimSpace(line)) > 0 {
					lines++
				}
			}
		}
		require.NotZero(t, lines, name)
		require.Less(t, lines, 100, name)
	}
}
