package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
)

const (
	capNetAdmin = 12
	capNetRaw   = 13
	capSysAdmin = 21
)

// guarded runs args in new namespaces and returns their exit code, or an error if there can be none.
func guarded(args []string) (int, error) {
	runtime.LockOSThread() // the child dies with the thread that started it, which ends with the process
	var refusals []error
	for _, user := range []bool{false, true} {
		if user == (os.Geteuid() == 0) {
			continue
		}
		code, err := enter(args, attributes(user))
		if err == nil {
			return code, nil
		}
		refusals = append(refusals, err)
	}
	return 0, errors.Join(refusals...)
}

// attributes keep the user's ID as it is: tests of file modes depend on who runs them.
func attributes(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if user {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		attr.AmbientCaps = []uintptr{capNetAdmin, capNetRaw, capSysAdmin}
	}
	return attr
}

// enter starts this program again inside. It says on a pipe what is in the way, or closes it when the test binary may start.
func enter(args []string, attr *syscall.SysProcAttr) (int, error) {
	hear, say, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer hear.Close()
	cmd := command(append([]string{"/proc/self/exe"}, args...))
	cmd.Args[0] = insideName
	cmd.ExtraFiles = []*os.File{say}
	cmd.SysProcAttr = attr
	err = cmd.Start()
	say.Close()
	if err != nil {
		return 0, fmt.Errorf("this machine gives no namespaces: %w", err)
	}
	obstacle, err := io.ReadAll(hear)
	if err == nil && len(obstacle) == 0 {
		return wait(cmd), nil
	}
	_ = cmd.Wait()
	return 0, errors.Join(err, errors.New(strings.TrimSpace(string(obstacle))))
}
