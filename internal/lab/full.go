//go:build linux

package lab

import (
	"errors"
	"os"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// explain turns the failure of a start into the one line about a full disk, if that is behind it: then programs end in many
// ways, and make room again by ending.
func (l *Lab) explain(err error) error {
	found := store.Explain(err, l.home.Dir)
	if err == nil || errors.Is(found, store.ErrFull) {
		return found
	}
	for _, file := range l.logFiles() {
		if data, unread := os.ReadFile(file); unread == nil && store.SaysFull(string(data)) {
			return store.Full(l.home.Dir)
		}
	}
	return err
}
