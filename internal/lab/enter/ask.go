//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// There is no network inside, and only labs with a data plane need an Envoy: so it is asked for from inside when it is
// wanted, and found or fetched outside.

// answerInside answers one question and returns the program's end of the line.
func answerInside(find func() (string, error)) (*os.File, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	line, far := os.NewFile(uintptr(ends[0]), "line"), os.NewFile(uintptr(ends[1]), "line")
	go func() {
		runtime.LockOSThread() // what is started for the answer dies with this thread, and so with the program
		if _, err := line.Read(make([]byte, 1)); err == nil {
			path, err := find()
			if err != nil {
				path = oneLine(err)
			}
			_, _ = io.WriteString(line, path)
		}
		_ = line.Close()
		select {} // keeps the thread
	}()
	return far, nil
}

// askOutside returns the path of an Envoy, or why there is none.
func askOutside(line *os.File) (string, error) {
	defer line.Close()
	if _, err := line.Write([]byte{1}); err != nil {
		return "", fmt.Errorf("ask for an Envoy: %w", err)
	}
	answer, err := io.ReadAll(line)
	if err != nil {
		return "", fmt.Errorf("ask for an Envoy: %w", err)
	}
	if path := string(answer); filepath.IsAbs(path) {
		return path, nil
	}
	return "", errors.New(strings.TrimPrefix(string(answer), "envoy: "))
}
