//go:build linux

package lab

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
)

// sourceDir is the folder of the binary's module, beside this file.
func sourceDir() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", fmt.Errorf("lab: %w: the program was built with -trimpath and cannot find its source: build it without, or set %s", ErrUnavailable, EnvBinary)
	}
	dir := filepath.Join(filepath.Dir(file), "controlplane")
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("lab: %w: the source of the control plane is gone: %w; set %s", ErrUnavailable, err, EnvBinary)
	}
	return dir, nil
}

// cacheKey hashes what the binary depends on: the module's own files, the Go version and the target.
func cacheKey(dir string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
		return "", fmt.Errorf("lab: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// keepUnused is how long an entry that nobody enters any more stays in the cache (200 MB each).
const keepUnused = 24 * time.Hour

// prune removes the other entries that were not used for a while, and builds that were cut off.
func prune(cache, key string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || entry.Name() == key || entry.Name() == "run" {
			continue
		}
		if time.Since(info.ModTime()) > keepUnused {
			errs = append(errs, os.RemoveAll(filepath.Join(cache, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
