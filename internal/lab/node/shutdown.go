//go:build linux

package node

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// shutDown ends all processes in the order of a kubelet: every preStop command at once; then the containers; then the
// sidecars, last one first (pkg/kubelet/kuberuntime). Grace counts from now; when ctx ends there is none.
func (p *pod) shutDown(ctx context.Context) {
	p.mu.Lock()
	grace := p.grace
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	var hooks sync.WaitGroup
	for _, c := range append(append([]*container{}, p.init...), p.main...) {
		hooks.Go(func() { c.preStop(ctx) })
	}
	hooks.Wait()

	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	var mains sync.WaitGroup
	for _, c := range p.main {
		mains.Go(func() { c.terminate(ctx) })
	}
	mains.Wait()
	for i := len(p.init) - 1; i >= 0; i-- {
		p.init[i].terminate(ctx)
	}
	p.killExecs()
}

// preStop runs the command of the hook in a container that runs.
func (c *container) preStop(ctx context.Context) {
	hook := c.spec.Lifecycle
	if hook == nil || hook.PreStop == nil || hook.PreStop.Exec == nil || ctx.Err() != nil || !c.running() {
		return
	}
	_, _ = c.output(ctx, hook.PreStop.Exec.Command)
}

// terminate asks the container's process group with SIGTERM and insists with SIGKILL when ctx ends.
func (c *container) terminate(ctx context.Context) {
	c.pod.mu.Lock()
	cmd, done := c.cmd, c.done
	c.pod.mu.Unlock()
	if cmd == nil {
		return
	}
	group := -cmd.Process.Pid
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-ctx.Done():
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // whoever is left of the group: Envoy of a killed agent
	<-done
}

func (c *container) running() bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.state.Running != nil
}

// graceOf is for hooks and probes: their own limit, at least one second.
func graceOf(seconds int32) time.Duration { return time.Duration(max(1, seconds)) * time.Second }
