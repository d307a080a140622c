package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

const (
	prCapAmbient         = 47
	prCapAmbientClearAll = 4
)

// inside is the program in the new namespaces: it furnishes them, runs the test binary and reports what left.
func inside(args []string) int {
	runtime.LockOSThread() // capabilities belong to the thread that starts the test binary
	line := os.NewFile(3, "line")
	syscall.CloseOnExec(3)
	seen, err := prepare()
	if err != nil {
		fmt.Fprint(line, err)
		line.Close()
		return 1
	}
	line.Close()
	cmd := command(args)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	code := run(cmd)
	if left := seen.stop(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "guard: unit tests of this package dialed or resolved something other than loopback:")
		for _, l := range left {
			fmt.Fprintln(os.Stderr, "guard:    ", l)
		}
		if code == 0 {
			code = 1
		}
	}
	return code
}

func prepare() (*capture, error) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	if err := resolver(); err != nil {
		return nil, err
	}
	if err := allToLoopback(); err != nil {
		return nil, err
	}
	seen, err := startCapture()
	if err != nil {
		return nil, err
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prCapAmbient, prCapAmbientClearAll, 0, 0, 0, 0); errno != 0 {
		return nil, fmt.Errorf("drop capabilities: %w", errno)
	}
	return seen, nil
}

// resolver lets every lookup ask a name server, over IPv4 and then IPv6, at an address that is captured.
func resolver() error {
	files := map[string]string{
		"/etc/resolv.conf":   "nameserver 192.0.2.53\nnameserver 2001:db8::53\noptions timeout:1 attempts:1\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	}
	for path, content := range files {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && path != "/etc/resolv.conf" {
			continue
		}
		own, err := os.CreateTemp("", "guard")
		if err != nil {
			return err
		}
		_, err = own.WriteString(content)
		err = errors.Join(err, own.Chmod(0o644), own.Close())
		if err == nil {
			err = syscall.Mount(own.Name(), path, "", syscall.MS_BIND, "")
		}
		if err = errors.Join(err, os.Remove(own.Name())); err != nil {
			return fmt.Errorf("own %s: %w", path, err)
		}
	}
	return nil
}
