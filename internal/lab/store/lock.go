//go:build linux

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the lock file at path, for which it waits; wait is called once before it does. The lock ends with release, or
// with the process. A lock file that another user left in a directory of ours is replaced.
func Lock(path string, wait func()) (release func(), err error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	if err := Flock(file, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			wait()
			err = Flock(file, unix.LOCK_EX)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
	}
	return func() { _ = file.Close() }, nil
}

func openLock(path string) (*os.File, error) {
	for first := true; ; first = false {
		_, err := Own(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			var file *os.File
			file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
			if err == nil {
				return file, nil
			}
		}
		if !first {
			return nil, err
		}
		if gone := discard(path); gone != nil {
			return nil, errors.Join(err, gone)
		}
	}
}

// Flock is flock(2), tried again after an interruption.
func Flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
