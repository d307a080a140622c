package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// resolver lets every lookup ask a name server, over IPv4 and then IPv6, at an address that is captured. The files are on a
// file system of their own, which nobody else sees and which ends with the namespace.
func resolver() (err error) {
	dir, err := os.MkdirTemp("", "guard")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	if err := syscall.Mount("guard", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, "size=64k"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	defer func() { err = errors.Join(err, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	for path, content := range map[string]string{
		"/etc/resolv.conf":   "nameserver 192.0.2.53\nnameserver 2001:db8::53\noptions timeout:1 attempts:1\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	} {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && path != "/etc/resolv.conf" {
			continue
		}
		own := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(own, []byte(content), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(own, path, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("own %s: %w", path, err)
		}
	}
	return nil
}
