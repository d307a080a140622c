//go:build linux

package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// key hashes what the binary depends on: the module's own files, the Go version, the target, and how it is compiled.
func key(dir string, how ...string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s %s %q\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, how)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		source := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		if err != nil || entry.IsDir() || !source && name != "go.mod" && name != "go.sum" {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		fmt.Fprintln(hash, name, len(data))
		hash.Write(data)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// how is every flag and setting that changes what the compiler makes.
func how() []string {
	all := append(append([]string{}, flags...), settings...)
	for _, name := range []string{"GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140", "GOTOOLCHAIN"} {
		all = append(all, name+"="+os.Getenv(name))
	}
	return all
}

// keepUnused is how long an entry that nobody enters any more stays in the store (200 MB each).
const keepUnused = 24 * time.Hour

// prune removes the other entries that were not used for a while.
func prune(cache, key string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || entry.Name() == key || entry.Name() == store.Runs {
			continue
		}
		if time.Since(info.ModTime()) > keepUnused {
			errs = append(errs, os.RemoveAll(filepath.Join(cache, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
