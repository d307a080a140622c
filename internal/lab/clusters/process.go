//go:build linux

package clusters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/network"
)

// program is one child as it can be started, stopped and started again. Its output goes to a file.
type program struct {
	name  string // for messages and the log file, e.g. cluster-1/etcd
	dir   string // working directory and place of the log
	args  []string
	env   []string
	box   *network.Box
	spawn *network.Spawner
	bin   string
	// needs is another program without which this one does not get ready; nil: none.
	needs *program
	// onExit is called after each end of the process that nobody asked for.
	onExit func()

	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{} // closed when cmd has ended
	stopped bool          // the end was asked for
}

func (p *program) logFile() string { return filepath.Join(p.dir, filepath.Base(p.name)+".log") }

// start is a no-op while the process runs.
func (p *program) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs() {
		return nil
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(p.bin, p.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, log, log
	if err := p.spawn.Start(cmd, p.box); err != nil {
		return fmt.Errorf("lab: start %s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done, p.stopped = cmd, done, false
	go func() {
		_ = cmd.Wait()
		p.mu.Lock()
		asked := p.stopped || p.cmd != cmd
		p.mu.Unlock()
		close(done)
		if !asked && p.onExit != nil {
			p.onExit()
		}
	}()
	return nil
}

// runs is called with p.mu held.
func (p *program) runs() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks with SIGTERM and insists with SIGKILL after grace. It returns when the process is gone. A no-op for nil, which a
// cluster has whose start failed early.
func (p *program) stop(grace time.Duration) {
	if p == nil {
		return
	}
	p.mu.Lock()
	if !p.runs() {
		p.mu.Unlock()
		return
	}
	p.stopped = true
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGCONT) // a paused process takes no SIGTERM
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(grace):
		_ = cmd.Process.Kill()
		<-done
	}
}

func (p *program) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs() {
		return fmt.Errorf("lab: %s is not running", p.name)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("lab: signal %s: %w", p.name, err)
	}
	return nil
}

// await polls check until it says nil. It gives up when the process ends or ctx does, and shows the end of the log.
func (p *program) await(ctx context.Context, check func(context.Context) error) error {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	needs := p.needs
	var needed chan struct{} // nil, and so never ready, for a process that needs no other
	if needs != nil {
		needs.mu.Lock()
		needed = needs.done
		needs.mu.Unlock()
	}
	last := errors.New("never asked")
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := check(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-done:
			return fmt.Errorf("lab: %s ended before it was ready; the end of its log:\n%s", p.name, tail(p.logFile(), 15))
		case <-needed:
			return fmt.Errorf("lab: %s ended, which %s needs; the end of its log:\n%s", needs.name, p.name, tail(needs.logFile(), 15))
		case <-ctx.Done():
			return fmt.Errorf("lab: %s is not ready (%w; last: %w); the end of its log:\n%s",
				p.name, context.Cause(ctx), last, tail(p.logFile(), 15))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail returns the last lines of a file, each cut to a readable length.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > 400 {
			all[i] = line[:400] + " …"
		}
	}
	return "  " + strings.Join(all, "\n  ")
}
