//go:build linux

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Say reports one line to the user.
type Say func(format string, args ...any)

// Open returns the lab's directory: meshpeer/lab in the user's cache, else meshpeer-<uid>/lab in the temporary directory.
// Each place must be writable and private, by the rules of the package; say tells why one is passed over. If neither will
// do, the directory is a new one with a random name, which later runs find again. The error names every reason.
func Open(say Say) (string, error) {
	var bases []string
	if base, err := os.UserCacheDir(); err == nil {
		bases = append(bases, filepath.Join(base, "meshpeer"))
	}
	temporary := filepath.Join(os.TempDir(), fmt.Sprintf("meshpeer-%d", os.Geteuid()))
	bases = append(bases, temporary)
	again, err := filepath.Glob(temporary + "-*")
	if err != nil {
		return "", err
	}
	var refused []error
	var passed []string
	for i, base := range append(bases, again...) {
		dir, err := furnish(base)
		if err == nil {
			tell(say, passed)
			return dir, nil
		}
		refused = append(refused, err)
		if i < len(bases) {
			passed = append(passed, "a directory is not used: "+oneLine(err))
		}
	}
	fresh, err := os.MkdirTemp(os.TempDir(), filepath.Base(temporary)+"-")
	if err == nil {
		var dir string
		if dir, err = furnish(fresh); err == nil {
			tell(say, passed)
			say("using a new directory, %s: it starts empty", fresh)
			return dir, nil
		}
		err = errors.Join(err, os.RemoveAll(fresh))
	}
	return "", fmt.Errorf("no directory to keep things in: %s", oneLine(errors.Join(append(refused, err)...)))
}

func tell(say Say, lines []string) {
	for _, line := range lines {
		say("%s", line)
	}
}

// furnish makes base and the directories in it, private all of them, and asks whether files can be made there.
func furnish(base string) (string, error) {
	dir := filepath.Join(base, "lab")
	for _, d := range []string{base, dir, filepath.Join(dir, Runs)} {
		if err := private(d); err != nil {
			return "", err
		}
		if err := unix.Faccessat(unix.AT_FDCWD, d, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return "", &os.PathError{Op: "write to", Path: d, Err: err}
		}
	}
	return dir, nil
}

// Runs is the folder of the state directories, one for each run.
const Runs = "run"

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
