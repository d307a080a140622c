// Package terminal runs a command as a person at a terminal does, for tests: it types, and reads the screen.
package terminal

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
)

// Session is a command in a pseudo-terminal.
type Session struct {
	command *exec.Cmd
	file    *os.File
	done    chan struct{}

	mu  sync.Mutex
	raw strings.Builder
}

// Start runs the command with 24 rows of so many columns.
func Start(command *exec.Cmd, columns uint16) (*Session, error) {
	file, err := pty.StartWithSize(command, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	s := &Session{command: command, file: file, done: make(chan struct{})}
	go s.read()
	return s, nil
}

func (s *Session) read() {
	defer close(s.done)
	buffer := make([]byte, 4096)
	for {
		n, err := s.file.Read(buffer)
		s.mu.Lock()
		s.raw.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil { // EIO when the last process is gone
			return
		}
	}
}

// Raw is all that was written so far, with its control sequences.
func (s *Session) Raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// Type sends keys; "\x03" is ^C.
func (s *Session) Type(keys string) error {
	_, err := s.file.WriteString(keys)
	return err
}

// Await waits until the screen shows a text.
func (s *Session) Await(text string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for !strings.Contains(Screen(s.Raw()), text) {
		if time.Now().After(deadline) {
			return fmt.Errorf("terminal: %q did not come; the screen shows:\n%s", text, Screen(s.Raw()))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// End waits for the command and returns its exit code.
func (s *Session) End() (code int, err error) {
	err = s.command.Wait()
	<-s.done
	_ = s.file.Close()
	if state := s.command.ProcessState; state != nil && state.Exited() {
		return state.ExitCode(), nil
	}
	return -1, err
}
