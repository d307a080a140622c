//go:build linux

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MB is the unit that people are told sizes in.
const MB = 1 << 20

// Size prints bytes for people, in MB or GB.
func Size(n uint64) string {
	if n >= 1000*MB {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", (n+MB-1)/MB)
}

// Free returns how many bytes this user can still write to the file system of path. A directory that does not exist yet
// counts as the one that it will be made in.
func Free(path string) (uint64, error) {
	var fs unix.Statfs_t
	for {
		err := unix.Statfs(path, &fs)
		if errors.Is(err, unix.ENOENT) && path != filepath.Dir(path) {
			path = filepath.Dir(path)
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("free space of %s: %w", path, err)
		}
		return fs.Bavail * uint64(fs.Bsize), nil
	}
}

// ErrFull is wrapped by the error that a full disk gives.
var ErrFull = errors.New("no space left on the disk")

// full is where a file system counts as full: less than any program of the lab needs to go on.
const full = 2 * MB

// Explain returns err as it is, or, if a full disk is behind it, one line that says so and where: err says so itself, or
// one of the directories has no space left. Output of programs that ended in confusion, traces among it, is left out then.
func Explain(err error, dirs ...string) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	said := errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || SaysFull(err.Error())
	var where []string
	for _, dir := range dirs {
		if free, err := Free(dir); err == nil && free < full {
			where = append(where, dir)
		}
	}
	var path *fs.PathError
	switch {
	case len(where) > 0:
		return Full(strings.Join(where, " and "))
	case said && errors.As(err, &path):
		return fmt.Errorf("%w: writing %s failed; free some space and start again", ErrFull, path.Path)
	case said:
		return fmt.Errorf("%w: one of %s, or a quota there; free some space and start again", ErrFull, strings.Join(append(dirs, os.TempDir()), ", "))
	}
	return err
}

// Full is the error about a directory without space.
func Full(dir string) error {
	return fmt.Errorf("%w: %s is full; free some space and start again", ErrFull, dir)
}

// SaysFull tells whether text, such as a program's log, speaks of a full disk.
func SaysFull(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, unix.ENOSPC.Error()) || strings.Contains(text, unix.EDQUOT.Error())
}
