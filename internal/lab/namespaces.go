//go:build linux

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// namespaces finds out by trial how this machine lets the program have namespaces. Nil means: it does not, use loopback.
func namespaces(mode string, say func(string, ...any)) (*syscall.SysProcAttr, error) {
	if mode == "loopback" {
		return nil, nil
	}
	var refusals []error
	for _, user := range []bool{false, true} {
		if !user && os.Geteuid() != 0 {
			continue
		}
		err := tryNamespaces(namespaceAttr(user))
		if err == nil {
			return namespaceAttr(user), nil
		}
		refusals = append(refusals, err)
	}
	err := fmt.Errorf("this machine gives no namespaces (%w)", errors.Join(refusals...))
	if mode == "namespace" {
		return nil, fmt.Errorf("lab: %w: %w, and %s forbids another way", ErrUnavailable, err, EnvMode)
	}
	say("%s: clusters run on addresses of 127.0.0.0/8, without a data plane",
		strings.ReplaceAll(err.Error(), "\n", "; "))
	return nil, nil
}

func namespaceAttr(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
	}
	if user {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// tryNamespaces runs this program's trial in namespaces made with attr.
func tryNamespaces(attr *syscall.SysProcAttr) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), envStage+"="+stageTrial)
	cmd.SysProcAttr = attr
	attr.Pdeathsig = syscall.SIGKILL
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		return errors.New(text)
	}
	return err
}

// trial does once what the lab needs namespaces for: mount /proc, and a bridge with a pod on it.
func trial() int {
	if err := tryAll(); err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimPrefix(err.Error(), "lab: "))
		return 1
	}
	return 0
}

func tryAll() error {
	if err := furnish(); err != nil {
		return err
	}
	bridge, err := newBridged(maxClusters)
	if err != nil {
		return err
	}
	if _, err := bridge.pod(1); err != nil {
		return err
	}
	if _, err := netlink.LinkByName(bridge.link.Name); err != nil {
		return err
	}
	return bridge.close()
}
