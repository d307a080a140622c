// Package golden compares a test's output with a file below testdata; MESHPEER_UPDATE=1 writes the files.
//
// Public test kits import this package. It registers no flag, because a test that imports a kit may have its own -update.
package golden

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Variable is the environment variable that makes Equal write files: 1 writes, 0 or empty compares, all else fails.
const Variable = "MESHPEER_UPDATE"

// TB is what Equal needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Equal fails t when got is not, byte for byte, the content of testdata/name, which uses slashes. Output that is empty or
// blank always fails, also when files are written: a test that produced nothing has compared nothing.
func Equal(t TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if len(bytes.TrimSpace(got)) == 0 {
		t.Fatalf("golden: the test produced no output to compare with %s", path)
		return
	}
	update, err := updating()
	if err != nil {
		t.Fatalf("golden: %v", err)
		return
	}
	if update {
		if err := write(path, got); err != nil {
			t.Fatalf("golden: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden: %v: to write it, run go test with %s=1", err, Variable)
		return
	}
	if difference := firstDifference(string(want), string(got)); difference != "" {
		t.Fatalf("golden: %s %s\nif that is meant, run go test with %s=1", path, difference, Variable)
	}
}

func updating() (bool, error) {
	value := os.Getenv(Variable)
	if value == "" {
		return false, nil
	}
	update, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%s=%q: set it to 1 to write files or to 0 to compare", Variable, value)
	}
	return update, nil
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
