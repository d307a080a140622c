//go:build linux

package enter

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watchParent ends this process, and with it all of the lab, when the process that started it ends: a killed `go test` or
// `go run` tells nobody.
func watchParent() {
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(200 * time.Millisecond)
		}
		os.Exit(1)
	}()
}

// supervise runs cmd and passes signals on to it.
func supervise(cmd *exec.Cmd) (code int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the program inside: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGINT && onTerminal() {
				// Ctrl-C went to the whole foreground group. A program that ignores it is for SIGTERM or SIGKILL.
				continue
			}
			_ = cmd.Process.Signal(s)
		case <-ended:
			return exitCode(cmd.ProcessState), nil
		}
	}
}

// onTerminal says whether this process is in the foreground of a terminal.
func onTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitCode is the shell's: 128 and the signal for a program that was killed.
func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}
