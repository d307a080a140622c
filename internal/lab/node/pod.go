//go:build linux

package node

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod is the worker of one Pod, from its arrival at the Node until its processes are gone.
type pod struct {
	agent *Agent
	dir   string
	began metav1.Time
	dirty chan struct{} // one value: the status has changed
	ended chan struct{} // closed when the end is asked for

	mu          sync.Mutex
	now         *corev1.Pod
	box         Sandbox
	init, main  []*container
	initialized bool
	closing     bool // no process may start any more
	final       corev1.PodPhase
	trouble     string // why it cannot start yet
	since       map[corev1.PodConditionType]corev1.PodCondition
	grace       time.Duration
	asked       bool
	execs       map[*exec.Cmd]bool
}

func (a *Agent) newPod(spec *corev1.Pod) *pod {
	p := &pod{
		agent: a, now: spec, dir: filepath.Join(a.config.Dir, spec.Namespace+"_"+spec.Name+"_"+string(spec.UID)),
		began: metav1.Now(), dirty: make(chan struct{}, 1), ended: make(chan struct{}),
		since: map[corev1.PodConditionType]corev1.PodCondition{}, execs: map[*exec.Cmd]bool{},
	}
	for _, c := range spec.Spec.InitContainers {
		p.init = append(p.init, newContainer(p, c, c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways))
	}
	for _, c := range spec.Spec.Containers {
		p.main = append(p.main, newContainer(p, c, false))
	}
	return p
}

func (p *pod) spec() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *pod) sandbox() Sandbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.box
}

// update takes over labels and annotations; containers of a Pod do not change.
func (p *pod) update(spec *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = spec
}

// end asks for the end, once: a second call can only shorten the grace.
func (p *pod) end(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.asked {
		p.asked, p.grace = true, grace
		close(p.ended)
	}
	p.grace = min(p.grace, grace)
}

func (p *pod) changed() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// run is the Pod's life. When ctx ends, so do all processes at once.
func (p *pod) run(ctx context.Context) {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-alive.Done():
		}
	}()
	reporting, quiet := context.WithCancel(ctx)
	var reporter sync.WaitGroup
	reporter.Go(func() { p.report(reporting) })

	p.live(alive)
	p.shutDown(ctx)
	if box := p.sandbox(); box != nil {
		_ = box.Close()
	}
	quiet()
	reporter.Wait()
	_ = p.agent.putStatus(ctx, p.spec(), p.status())
	if ctx.Err() == nil {
		select {
		case <-p.ended:
		case <-ctx.Done(): // a finished Pod stays in the API until somebody deletes it
			return
		}
		p.agent.remove(ctx, p.spec())
	}
	_ = os.RemoveAll(p.dir)
}

// live returns when ctx ends, or when all containers are done for good.
func (p *pod) live(ctx context.Context) {
	for {
		err := p.prepare(ctx)
		if err == nil {
			break
		}
		p.mu.Lock()
		p.trouble = err.Error()
		p.mu.Unlock()
		p.changed()
		if !pause(ctx, 300*time.Millisecond) {
			return
		}
	}
	for _, c := range p.init {
		if !c.initialize(ctx) {
			return
		}
	}
	p.mu.Lock()
	p.initialized = true
	p.mu.Unlock()
	p.changed()
	var mains sync.WaitGroup
	for _, c := range p.main {
		mains.Go(func() { c.keep(ctx) })
	}
	mains.Wait()
	if ctx.Err() == nil {
		p.finish()
	}
}

// finish settles the phase of a Pod whose containers do not start again.
func (p *pod) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.final = corev1.PodSucceeded
	for _, c := range p.main {
		if t := c.state.Terminated; t != nil && t.ExitCode != 0 {
			p.final = corev1.PodFailed
		}
	}
}

// prepare makes what processes need: the sandbox, volumes, roots. It may be repeated.
func (p *pod) prepare(ctx context.Context) error {
	spec := p.spec()
	if p.sandbox() == nil {
		box, err := p.agent.config.Sandbox(spec)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.box, p.trouble = box, ""
		p.mu.Unlock()
		p.changed() // its address is known: injection's INSTANCE_IP, endpoints
	}
	if err := p.makeVolumes(ctx, spec); err != nil {
		return err
	}
	for _, c := range append(append([]*container{}, p.init...), p.main...) {
		if err := c.makeRoot(); err != nil {
			return err
		}
	}
	return nil
}

// pause says false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
