// Package golden compares a test's output with a file below testdata; `go test -update` writes the files anew.
package golden

import (
	"flag"
	"os"
	"path/filepath"
)

// TB is what Equal needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

const flagName = "update"

var _ = register()

// register leaves the flag of a test that has its own alone: public test kits import this package.
func register() bool {
	if flag.Lookup(flagName) == nil {
		flag.Bool(flagName, false, "write golden files instead of comparing with them")
	}
	return true
}

func updating() bool {
	return flag.Lookup(flagName).Value.String() == "true"
}

// Equal fails t when got is not, byte for byte, the content of testdata/name.
func Equal(t TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if updating() {
		if err := write(path, got); err != nil {
			t.Fatalf("golden: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden: %v: run go test with -%s to write it", err, flagName)
		return
	}
	if difference := firstDifference(string(want), string(got)); difference != "" {
		t.Fatalf("golden: %s %s\nif that is meant, run go test with -%s", path, difference, flagName)
	}
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
