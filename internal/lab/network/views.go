//go:build linux

package network

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Views are a mount and a UTS namespace: the files that a pod sees in place of the machine's, and its host name.
type Views struct{ mounts, names *os.File }

// enter takes the calling thread there. It must not share its file-system attributes (unshare(CLONE_FS)).
func (v *Views) enter() error {
	if v == nil {
		return nil
	}
	if err := unix.Setns(int(v.mounts.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("lab: enter mount namespace: %w", err)
	}
	if err := unix.Setns(int(v.names.Fd()), unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("lab: enter UTS namespace: %w", err)
	}
	return nil
}

func (v *Views) close() error {
	if v == nil {
		return nil
	}
	return errors.Join(v.mounts.Close(), v.names.Close())
}

// ownViews are those of the calling thread.
func ownViews() (*Views, error) {
	mounts, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, err
	}
	names, err := os.Open("/proc/thread-self/ns/uts")
	if err != nil {
		return nil, errors.Join(err, mounts.Close())
	}
	return &Views{mounts, names}, nil
}

// NewViews makes views in which a file stands in front of another one, and hostname is the host name.
func NewViews(hostname string, instead map[string]string) (*Views, error) {
	type result struct {
		Views *Views
		err   error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		v, err := changeViews(hostname, instead)
		done <- result{v, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("lab: a pod's own files: %w", r.err)
	}
	return r.Views, nil
}

func changeViews(hostname string, instead map[string]string) (*Views, error) {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return nil, err
	}
	for target, source := range instead {
		real, err := filepath.EvalSymlinks(target)
		if err != nil {
			return nil, err
		}
		if err := unix.Mount(source, real, "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("mount over %s: %w", target, err)
		}
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return nil, err
	}
	return ownViews()
}

// enter takes the calling thread into the pod's network and views.
func (b *Box) enter() error {
	if err := netns.Set(b.ns); err != nil {
		return err
	}
	return b.Views.enter()
}
