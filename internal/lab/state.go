//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A state directory belongs to those who hold its lock file: the supervisor makes and locks it, the program and every
// control-plane process inherit the open file. When the last of them is gone, the kernel gives the lock to the janitor.
const lockName = "lock"

// newState makes a state directory and locks it for its inhabitants.
func newState(cache string) (dir string, lock *os.File, err error) {
	dir, err = os.MkdirTemp(filepath.Join(cache, "run"), "")
	if err != nil {
		return "", nil, fmt.Errorf("lab: %w", err)
	}
	lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		return "", nil, fmt.Errorf("lab: %w", err)
	}
	return dir, lock, nil
}

// sweep removes the state directories of runs whose janitor died too.
func sweep(cache string) error {
	dirs, err := filepath.Glob(filepath.Join(cache, "run", "*"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var errs []error
	for _, dir := range dirs {
		if err := removeWhenFree(dir, unix.LOCK_EX|unix.LOCK_NB); err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			errs = append(errs, fmt.Errorf("lab: remove what an earlier run left: %w", err))
		}
	}
	return errors.Join(errs...)
}

// removeWhenFree removes dir once nobody holds its lock; with LOCK_NB it does not wait.
func removeWhenFree(dir string, how int) error {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return os.RemoveAll(dir)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	for {
		err := unix.Flock(int(lock.Fd()), how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}
}
