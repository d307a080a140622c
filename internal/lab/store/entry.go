//go:build linux

package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Entry is a directory that is filled once and then only read. A file of it with the digests of the others tells a whole
// entry from a damaged one.
type Entry struct {
	Dir string
	// Program is the name of the file that must be executable.
	Program string
}

// digests is the file with the SHA-256 of all others, in the format of sha256sum(1).
const digests = "SHA256SUMS"

// prefix begins the names of what is not an entry yet, or not any more.
const prefix = ".partial-"

// Path is the path of a file of the entry.
func (e Entry) Path(name string) string { return filepath.Join(e.Dir, name) }

// Check returns nil for a whole entry of ours, an error that wraps fs.ErrNotExist if there is nothing, and what is wrong
// with it otherwise. It reads all of the files.
func (e Entry) Check() error {
	info, err := Own(e.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", e.Dir)
	}
	list, err := os.ReadFile(e.Path(digests))
	if err != nil {
		return damaged(err)
	}
	program := false
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		want, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || name != filepath.Base(name) {
			return fmt.Errorf("%s is damaged", e.Path(digests))
		}
		info, err := Own(e.Path(name))
		if err != nil {
			return damaged(err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", e.Path(name))
		}
		if name == e.Program {
			program = true
			if info.Mode()&0o100 == 0 {
				return fmt.Errorf("%s is not executable", e.Path(name))
			}
		}
		got, err := Digest(e.Path(name))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s has changed: its SHA-256 is not the one that was noted", e.Path(name))
		}
	}
	if !program {
		return fmt.Errorf("%s does not list %s", e.Path(digests), e.Program)
	}
	return lines.Err()
}

// damaged keeps a missing file from being taken for a missing entry.
func damaged(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New(err.Error())
	}
	return err
}

// Fill makes the entry: fill writes the files to a directory beside it, which is then renamed, so that a process killed at
// any instant leaves no half of one. What stood there before is removed. The caller holds the lock of the entry's folder,
// so that Fill can also remove what earlier, killed calls left.
func (e Entry) Fill(fill func(dir string) error) error {
	parent := filepath.Dir(e.Dir)
	left, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
	tmp, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp); err != nil {
		return err
	}
	if err := seal(tmp); err != nil {
		return err
	}
	if err := discard(e.Dir); err != nil {
		return err
	}
	return os.Rename(tmp, e.Dir)
}

// seal notes the digests.
func seal(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, file := range files {
		digest, err := Digest(filepath.Join(dir, file.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", digest, file.Name())
	}
	return os.WriteFile(filepath.Join(dir, digests), []byte(list.String()), 0o600)
}

// discard removes path, whatever it is. A directory that another user filled can only be moved out of the way.
func discard(path string) error {
	err := os.RemoveAll(path)
	if err == nil {
		return nil
	}
	aside := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%d", prefix, time.Now().UnixNano()))
	if moved := os.Rename(path, aside); moved != nil {
		return errors.Join(err, moved)
	}
	return nil
}

// Digest is the SHA-256 of a file, in hexadecimal.
func Digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// TempDir makes a directory in parent that is removed at the latest when an entry beside it is filled next.
func TempDir(parent string) (string, error) { return os.MkdirTemp(parent, prefix) }
