//go:build linux

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrNotOurs is wrapped by the error about a file or directory that another user owns or could change.
var ErrNotOurs = errors.New("another user could have put something there")

// private makes sure that dir, and each directory that leads to it, can be changed by nobody but this user and root. dir
// itself is made with mode 0700 if it is missing; a dir of ours that others may only read is closed to them.
func private(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("%s is not an absolute path", dir)
	}
	if err := leads(filepath.Dir(dir), 0); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := own(dir, info); err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// Own makes sure that path is a file or directory, not a link, which this user owns and no other user can write to.
func Own(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return info, own(path, info)
}

func own(path string, info fs.FileInfo) error {
	switch uid := owner(info); {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: %w", path, ErrNotOurs)
	case uid != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to user %d: %w", path, uid, os.Geteuid(), ErrNotOurs)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s has mode %04o, which lets other users write to it: %w", path, info.Mode().Perm(), ErrNotOurs)
	}
	return nil
}

// maxLinks is where a chain of symbolic links is given up.
const maxLinks = 16

// leads checks a directory on the way to a private one, and all those above it. Missing ones are made with mode 0700. A
// symbolic link is followed if it cannot be changed by others, and the way to its target is checked as well.
func leads(dir string, links int) error {
	if dir != filepath.Dir(dir) {
		if err := leads(filepath.Dir(dir), links); err != nil {
			return err
		}
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return err
	}
	if uid := owner(info); uid != 0 && uid != os.Geteuid() && !unmapped(uid) {
		return fmt.Errorf("%s belongs to user %d: %w", dir, uid, ErrNotOurs)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if links == maxLinks {
			return fmt.Errorf("%s: too many symbolic links", dir)
		}
		to, err := os.Readlink(dir)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(dir), to)
		}
		return leads(filepath.Clean(to), links+1)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	// In a sticky directory such as /tmp nobody can rename or remove what belongs to another user.
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s has mode %04o, which lets other users replace what is in it: %w", dir, info.Mode().Perm(), ErrNotOurs)
	}
	return nil
}

func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// unmapped tells whether uid stands for all users that the present user namespace does not know, root of the machine among
// them: user_namespaces(7). Outside of one there are none.
func unmapped(uid int) bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || strings.Contains(string(ids), "4294967295") {
		return false
	}
	overflow, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	return err == nil && strings.TrimSpace(string(overflow)) == fmt.Sprint(uid)
}
