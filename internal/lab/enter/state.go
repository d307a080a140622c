//go:build linux

package enter

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// A state directory belongs to those who hold its lock file: the supervisor makes and locks it, the program and every
// control-plane process inherit the open file. When the last of them is gone, the kernel gives the lock to the janitor.
const lockName = "lock"

// fresh begins the name of a state directory whose lock is not held yet.
const fresh = ".fresh-"

// newState makes a state directory and locks it for its inhabitants. It gets its name when it is locked, so that no sweep
// of another lab takes it for one that was left.
func newState(cache string) (dir string, lock *os.File, err error) {
	runs := filepath.Join(cache, store.Runs)
	made, err := os.MkdirTemp(runs, fresh)
	if err != nil {
		return "", nil, fmt.Errorf("lab: %w", err)
	}
	lock, err = os.OpenFile(filepath.Join(made, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = store.Flock(lock, unix.LOCK_SH)
	}
	if err == nil {
		dir = filepath.Join(runs, strings.TrimPrefix(filepath.Base(made), fresh))
		err = os.Rename(made, dir)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("lab: %w", err), os.RemoveAll(made))
	}
	return dir, lock, nil
}

// sweep removes the state directories of runs whose janitor died too.
func sweep(cache string) error {
	dirs, err := filepath.Glob(filepath.Join(cache, store.Runs, "*"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var errs []error
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || strings.HasPrefix(filepath.Base(dir), fresh) && time.Since(info.ModTime()) < time.Minute {
			continue // gone, or about to be locked
		}
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
	if err := store.Flock(lock, how); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// startJanitor starts the process that outlives all others: the program once more, with the same arguments and environment
// in case it looks at them before Enter, but in a session of its own and with no stream of ours open, so
// that neither Ctrl-C nor `go test` has to do with it.
func startJanitor(state string) (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{"meshpeer-lab-janitor"}, os.Args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), envStage+"="+stageJanitor, envState+"="+state)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("lab: start the janitor: %w", err)
	}
	return cmd, nil
}

// janitor waits until nobody holds the state directory and removes it.
func janitor(state string) int {
	if err := removeWhenFree(state, unix.LOCK_EX); err != nil {
		return 1
	}
	return 0
}
