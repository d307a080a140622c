//go:build linux

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// Exec serves /exec/{namespace}/{pod}/{container}, the kubelet's end of pods/exec, over SPDY or WebSocket. A terminal is
// not made: with tty, standard error comes out of standard output and that is all.
func (a *Agent) Exec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := a.container(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	remotecommand.ServeExec(w, r, executor{c}, r.PathValue("pod"), "", r.PathValue("container"), r.URL.Query()["command"],
		options, 4*time.Hour, 30*time.Second, remotecommand.SupportedStreamingProtocols)
}

// container finds the container that a request's path names.
func (a *Agent) container(r *http.Request) (*container, error) {
	p, err := a.find(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		return nil, err
	}
	for _, c := range append(append([]*container{}, p.init...), p.main...) {
		if c.spec.Name == r.PathValue("container") {
			return c, nil
		}
	}
	return nil, fmt.Errorf("node: container %q not found in pod %q", r.PathValue("container"), r.PathValue("pod"))
}

type executor struct{ c *container }

func (e executor) ExecInContainer(_ context.Context, _, _, _ string, argv []string, in io.Reader, out, err io.WriteCloser,
	tty bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	if !e.c.running() {
		return fmt.Errorf("container %s is not running", e.c.spec.Name)
	}
	cmd, problem := e.c.process(argv)
	if problem != nil {
		return problem
	}
	cmd.Stdout, cmd.Stderr = out, err
	if out == nil { // a nil io.WriteCloser must not become a non-nil io.Writer
		cmd.Stdout = nil
	}
	if tty {
		cmd.Stderr = cmd.Stdout
	} else if err == nil {
		cmd.Stderr = nil
	}
	var input io.WriteCloser
	if in != nil {
		// Not cmd.Stdin: Wait would wait for the client to close it.
		if input, problem = cmd.StdinPipe(); problem != nil {
			return problem
		}
	}
	return e.c.pod.execute(cmd, func() {
		if in != nil {
			go func() {
				_, _ = io.Copy(input, in)
				_ = input.Close()
			}()
		}
	})
}

// execute starts cmd in the sandbox, calls begun, and waits. A process that is still there at the Pod's end is killed.
func (p *pod) execute(cmd *exec.Cmd, begun func()) error {
	cmd.WaitDelay = time.Second // for grandchildren that keep the streams open
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return errors.New("the pod is ending")
	}
	if err := p.box.Start(cmd); err != nil {
		p.mu.Unlock()
		return err
	}
	p.execs[cmd] = true
	p.mu.Unlock()
	begun()
	err := cmd.Wait()
	p.mu.Lock()
	delete(p.execs, cmd)
	p.mu.Unlock()
	if code := exitCode(cmd.ProcessState); code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit code %d", code), Code: code}
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

func (p *pod) killExecs() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for cmd := range p.execs {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// output runs a command of a hook or a probe; when ctx ends first it is killed.
func (c *container) output(ctx context.Context, argv []string) ([]byte, error) {
	cmd, err := c.process(argv)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	ended := make(chan struct{})
	defer close(ended)
	err = c.pod.execute(cmd, func() {
		go func() {
			select {
			case <-ctx.Done():
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			case <-ended:
			}
		}()
	})
	return out.Bytes(), err
}
