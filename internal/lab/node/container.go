//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container is one container of a Pod through all its restarts. The pod's mutex guards what changes.
type container struct {
	pod     *pod
	spec    corev1.Container
	sidecar bool // an init container that keeps running
	root    string

	cmd            *exec.Cmd
	done           chan struct{} // closed when cmd has ended
	state, last    corev1.ContainerState
	restarts       int32
	started, ready bool
}

func newContainer(p *pod, spec corev1.Container, sidecar bool) *container {
	c := &container{pod: p, spec: spec, sidecar: sidecar, root: filepath.Join(p.dir, "containers", spec.Name)}
	c.state.Waiting = &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
	return c
}

func (c *container) logFile() string { return filepath.Join(c.pod.dir, c.spec.Name+".log") }

// initialize runs an init container to its success, or starts a sidecar and waits until it has started. It says false
// when ctx ended first.
func (c *container) initialize(ctx context.Context) bool {
	if !c.sidecar {
		for !c.once(ctx) {
			if !pause(ctx, time.Second) {
				return false
			}
			c.restarted()
		}
		return true
	}
	go c.keep(ctx)
	for {
		c.pod.mu.Lock()
		started := c.started
		c.pod.mu.Unlock()
		if started {
			return true
		}
		if !pause(ctx, 20*time.Millisecond) {
			return false
		}
	}
}

// once runs the container to its end, or that of ctx, and says whether it ended in success.
func (c *container) once(ctx context.Context) bool {
	if err := c.start(); err != nil {
		c.wait(err)
		return false
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	go c.probe(watch)
	select {
	case <-c.done:
	case <-ctx.Done():
		return false // shutDown ends the process
	}
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

// keep runs the container again and again, as its Pod's restart policy has it. The pause grows while it keeps failing.
func (c *container) keep(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		began := time.Now()
		well := c.once(ctx)
		if ctx.Err() != nil {
			return
		}
		policy := c.pod.spec().Spec.RestartPolicy
		if !c.sidecar && (policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && well) {
			return
		}
		if time.Since(began) > 30*time.Second {
			wait = time.Second
		}
		if !pause(ctx, wait) {
			return
		}
		c.restarted()
	}
}

func (c *container) restarted() {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	c.restarts++
}

// wait notes why the container cannot start.
func (c *container) wait(err error) {
	reason := "CreateContainerError"
	if errors.Is(err, errImage) {
		reason = "ErrImagePull"
	}
	c.pod.mu.Lock()
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: err.Error()}}
	c.pod.mu.Unlock()
	c.pod.changed()
}

// start starts the process, unless the Pod is about to end.
func (c *container) start() error {
	image, err := c.image()
	if err != nil {
		return err
	}
	if image.Run != nil {
		return c.perform(image)
	}
	cmd, err := c.command(image)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	defer log.Close()
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if c.pod.closing {
		return errors.New("node: the pod is ending")
	}
	began, done := metav1.Now(), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := c.pod.box.Start(cmd); err != nil {
		return err
	}
	c.cmd, c.done = cmd, done
	c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
	c.started, c.ready = c.spec.StartupProbe == nil, c.spec.StartupProbe == nil && c.spec.ReadinessProbe == nil
	c.pod.changed()
	go func() {
		_ = cmd.Wait()
		c.pod.mu.Lock()
		defer c.pod.mu.Unlock()
		c.terminated(began, exitCode(cmd.ProcessState))
		close(done)
	}()
	return nil
}

// perform does what stands for the image's process.
func (c *container) perform(image Image) error {
	began, code := metav1.Now(), 0
	if err := image.Run(c.pod.sandbox(), c.arguments()); err != nil {
		code = 1
		if err := os.WriteFile(c.logFile(), []byte(err.Error()+"\n"), 0o600); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	c.done = make(chan struct{})
	close(c.done)
	c.terminated(began, code)
	return nil
}

// terminated is called with the pod's mutex held.
func (c *container) terminated(began metav1.Time, code int) {
	t := &corev1.ContainerStateTerminated{
		ExitCode: int32(code), StartedAt: began, FinishedAt: metav1.Now(), Reason: "Completed",
	}
	if code != 0 {
		t.Reason = "Error"
	}
	c.state = corev1.ContainerState{Terminated: t}
	c.last = c.state
	c.started, c.ready = false, false
	c.pod.changed()
}

// exitCode is a shell's: 128 and the signal for a process that was killed.
func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}
