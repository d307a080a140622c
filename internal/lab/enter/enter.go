//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab/network"
)

// ErrUnavailable is what the error of Enter wraps when this machine cannot have a lab: no place for files, no way to get the
// control planes' binary, or no namespaces where EnvMode wants them. Every other error is a failure.
var ErrUnavailable = errors.New("no lab on this machine")

// EnvMode forces a mode: "loopback" or "namespace". Empty: namespaces where the machine allows them.
const EnvMode = "MESHPEER_LAB_MODE"

// Between the program's processes.
const (
	envStage = "MESHPEER_LAB_STAGE" // which of them this is
	envState = "MESHPEER_LAB_STATE" // state directory, for stage inside and janitor
	envLoops = "MESHPEER_LAB_LOOPS" // not empty: stage inside is in loopback mode
	envLacks = "MESHPEER_LAB_LACKS" // why stage inside has no data plane; empty: Envoy decides
	envBin   = "MESHPEER_LAB_BIN"   // as build.Env, set for stage inside
)

const (
	stageTrial   = "trial"
	stageJanitor = "janitor"
	stageInside  = "inside"
)

// Options change how the program enters the lab; the zero value is for everybody.
type Options struct {
	// Progress receives what the user is to see while waiting; nil means os.Stderr. On a terminal one line is rewritten.
	Progress io.Writer
	// Loopback keeps the program out of namespaces, as EnvMode=loopback does.
	Loopback bool
	// Before is called once, outside, when the machine was looked at and before anything is made or waited for. Nil means
	// that Progress is told what the machine lacks and what a build takes.
	Before func(Outlook)
	// Istio names the versions of Istio that the program's labs run beside the default one (ClusterOptions.Istio). They are
	// built before the program is inside, where there is no network.
	Istio []string
}

// Enter is the first call of main or TestMain: see lab.Enter.
func Enter(o Options) error {
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	stage, state := os.Getenv(envStage), os.Getenv(envState)
	loopback, lacks := os.Getenv(envLoops) != "", os.Getenv(envLacks)
	for _, name := range []string{envStage, envState, envLoops, envLacks} { // not for the program's own children
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	switch stage {
	case "":
		runtime.LockOSThread() // children die with this thread; it ends with the process
		return outside(o)
	case stageTrial:
		os.Exit(trial())
	case stageJanitor:
		os.Exit(janitor(state))
	}
	if resident.Load() != nil {
		return errors.New("lab: Enter is called twice")
	}
	return inside(state, loopback, lacks)
}

// Outside is true in the process that the user started, which Enter does not return from: it is for a program that has
// something to say before.
func Outside() bool { return os.Getenv(envStage) == "" && Here() == nil }

// inside makes the new namespaces a place to live in.
func inside(state string, loopback bool, lacks string) error {
	unix.CloseOnExec(lockFD)
	keep := os.NewFile(lockFD, lockName)
	pid := outsidePID()
	if !loopback {
		if err := furnish(); err != nil {
			return err
		}
	}
	if err := quiet(state); err != nil {
		return err
	}
	spawn, err := network.NewSpawner(keep)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	home := &Residence{Dir: state, Bin: os.Getenv(envBin), Loopback: loopback, Spawn: spawn, lacks: lacks, pid: pid}
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
	if err := network.LoopbackUp(); err != nil {
		return fmt.Errorf("lab: loopback interface: %w", err)
	}
	return nil
}
