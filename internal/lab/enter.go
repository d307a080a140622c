//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Environment of the lab. The first three are for people.
const (
	// EnvMode forces a mode: "loopback" or "namespace". Empty: namespaces where the machine allows them.
	EnvMode = "MESHPEER_LAB_MODE"
	// EnvBinary is the path of a built control plane (with the CRD files beside it): nothing is built then.
	EnvBinary = "MESHPEER_LAB_BIN"
	// EnvRequired set to "required" makes RunTests and RequireDataPlane fail where they would skip.
	EnvRequired = "MESHPEER_LAB"

	envStage = "MESHPEER_LAB_STAGE" // which of the program's processes this is
	envState = "MESHPEER_LAB_STATE" // state directory, for stage inside and janitor
	envLoops = "MESHPEER_LAB_LOOPS" // not empty: stage inside is in loopback mode
)

const (
	stageTrial   = "trial"
	stageJanitor = "janitor"
	stageInside  = "inside"
)

// EnterOptions change how the program enters the lab; the zero value is for everybody.
type EnterOptions struct {
	// Progress receives what the user is to see while waiting; nil means os.Stderr.
	Progress io.Writer
	// Loopback keeps the program out of namespaces, as EnvMode=loopback does.
	Loopback bool
}

// Enter is the first call of main or TestMain. The process that the user started builds the control plane if need be,
// waits for its turn (one lab per machine) and runs the program again inside; it does not return from Enter but exits with
// that program's exit code, except for an error before there is a program inside. Inside, Enter returns nil at once.
//
// The program inside ends when the outer one does, or when the process that started the outer one ends. Signals are
// passed on. Standard streams, arguments and working directory are the same.
func Enter(o EnterOptions) error {
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	stage, state := os.Getenv(envStage), os.Getenv(envState)
	loopback := os.Getenv(envLoops) != ""
	for _, name := range []string{envStage, envState, envLoops} { // not for the program's own children
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	switch stage {
	case "":
		runtime.LockOSThread() // children die with this thread; it ends with the process
		return enterOutside(o)
	case stageTrial:
		os.Exit(trial())
	case stageJanitor:
		os.Exit(janitor(state))
	}
	if resident.Load() != nil {
		return errors.New("lab: Enter is called twice")
	}
	return enterInside(state, loopback)
}

// enterInside makes the new namespaces a place to live in.
func enterInside(state string, loopback bool) error {
	unix.CloseOnExec(lockFD)
	keep := os.NewFile(lockFD, lockName)
	pid := outsidePID()
	if !loopback {
		if err := furnish(); err != nil {
			return err
		}
	}
	spawn, err := newSpawner(keep)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	home := &residence{dir: state, bin: os.Getenv(EnvBinary), loopback: loopback, spawn: spawn, pid: pid}
	if !loopback {
		unix.CloseOnExec(askFD)
		home.envoy = sync.OnceValues(func() (string, error) { return askOutside(os.NewFile(askFD, "ask")) })
	}
	resident.Store(home)
	return nil
}

// Inherited files, in the order of exec.Cmd's ExtraFiles: the state lock, and in namespaces the line to the outside.
const (
	lockFD = 3
	askFD  = 4
)

// furnish gives new namespaces a /proc of their own PIDs, no mount that others would see, and a loopback interface.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("lab: make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("lab: mount /proc: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("lab: loopback interface: %w", err)
	}
	return nil
}
