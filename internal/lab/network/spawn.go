//go:build linux

package network

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Spawner starts every child from one thread that never ends, because the kernel sends the parent-death signal when the
// starting *thread* ends (prctl(2), PR_SET_PDEATHSIG).
type Spawner struct {
	jobs chan func()
	home netns.NsHandle
	// views are the program's own; the thread comes back to them from those of a pod.
	views *Views
	// keep is inherited by every child: the open lock of the state directory, which says that somebody lives there.
	keep *os.File
}

// NewSpawner starts the thread. Every child inherits keep.
func NewSpawner(keep *os.File) (*Spawner, error) {
	home, err := netns.Get()
	if err != nil {
		return nil, err
	}
	own, err := ownViews()
	if err != nil {
		return nil, err
	}
	s := &Spawner{jobs: make(chan func()), home: home, views: own, keep: keep}
	go func() {
		runtime.LockOSThread()
		_ = unix.Unshare(unix.CLONE_FS) // a thread that shares its root directory cannot change mount namespaces
		for job := range s.jobs {       // never closed
			job()
		}
	}()
	return s, nil
}

// Start starts cmd in the network namespace of box, or in the program's own when box has none. The child is killed when
// the program ends.
func (s *Spawner) Start(cmd *exec.Cmd, box *Box) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for the program, which then stops its children in order
	cmd.ExtraFiles = []*os.File{s.keep}
	done := make(chan error, 1)
	s.jobs <- func() {
		if box == nil || !box.ns.IsOpen() {
			done <- cmd.Start()
			return
		}
		err := box.enter()
		if err == nil {
			err = cmd.Start()
		}
		done <- errors.Join(err, netns.Set(s.home), s.views.enter())
	}
	return <-done
}
