//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// enterOutside is the supervisor's life: prepare, run the program inside, wait, exit with its code.
func enterOutside(o EnterOptions) error {
	watchParent()
	say := sayTo(o.Progress)
	mode := os.Getenv(EnvMode)
	if o.Loopback {
		mode = "loopback"
	}
	if mode != "" && mode != "loopback" && mode != "namespace" {
		return fmt.Errorf("lab: %s %q: must be empty, loopback or namespace", EnvMode, mode)
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	bin, err := controlPlane(cache, say)
	if err != nil {
		return err
	}
	if err := takeTurn(say); err != nil {
		return err
	}
	if err := sweep(cache); err != nil {
		say("%v", err) // no reason not to start
	}
	attr, err := namespaces(mode, say)
	if err != nil {
		return err
	}
	state, lock, err := newState(cache)
	if err != nil {
		return err
	}
	cleaner, err := startJanitor(state)
	if err != nil {
		return err
	}
	program := inside(state, bin, attr, lock)
	if attr != nil {
		line, err := answerInside(cache, say)
		if err != nil {
			return err
		}
		program.ExtraFiles = append(program.ExtraFiles, line)
	}
	code, err := supervise(program)
	if err != nil {
		say("%v", err)
		code = 1
	}
	// The janitor removes the state directory when nobody is left, this process included.
	_ = lock.Close()
	_ = cleaner.Wait()
	os.Exit(code)
	return nil
}

// inside is the program once more; attr nil means loopback mode.
func inside(state, bin string, attr *syscall.SysProcAttr, lock *os.File) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lock}
	cmd.Env = append(os.Environ(), envStage+"="+stageInside, envState+"="+state, EnvBinary+"="+bin)
	if attr == nil {
		attr = &syscall.SysProcAttr{}
		cmd.Env = append(cmd.Env, envLoops+"=1")
	}
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	return cmd
}

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
