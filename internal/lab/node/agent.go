//go:build linux

package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/meshpeer/meshpeer/internal/lab/kubeapi"
)

// Sandbox is what the containers of a Pod share. Its methods may be called at the same time.
type Sandbox interface {
	Addr() netip.Addr
	// Start starts cmd inside, as the leader of a process group.
	Start(cmd *exec.Cmd) error
	// Dial connects to a TCP port on the Pod's loopback interface.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// Close releases it when all processes have ended.
	Close() error
}

// Config says what an Agent works with. All fields but Skip are needed.
type Config struct {
	Core   rest.Interface // client of core/v1, see kubeapi.Core
	Node   string         // the Node's name
	HostIP netip.Addr
	Dir    string // for volumes, container roots and logs; the caller removes it
	Bin    string // directory of programs that containers find before those of the machine
	Images []Image
	// Sandbox makes the sandbox of a Pod.
	Sandbox func(*corev1.Pod) (Sandbox, error)
	// Skip says which Pods of the Node are somebody else's.
	Skip func(*corev1.Pod) bool
}

// Agent runs the Pods of a Node.
type Agent struct {
	config Config
	wait   sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// Run starts an Agent that works until ctx ends. Wait for it with [Agent.Wait].
func Run(ctx context.Context, c Config) *Agent {
	a := &Agent{config: c, pods: map[types.UID]*pod{}}
	if a.config.Skip == nil {
		a.config.Skip = func(*corev1.Pod) bool { return false }
	}
	see := func(o any) { a.see(ctx, o.(*corev1.Pod)) }
	kubeapi.Watch(ctx, c.Core, "pods", &corev1.Pod{}, cache.ResourceEventHandlerFuncs{
		AddFunc:    see,
		UpdateFunc: func(_, o any) { see(o) },
		DeleteFunc: a.gone,
	})
	return a
}

// Wait returns when ctx of Run has ended and with it every process of every Pod.
func (a *Agent) Wait() { a.wait.Wait() }

// see takes notice of a Pod as it now is. A Node is all that the cluster has, so an unscheduled Pod is bound to it.
func (a *Agent) see(ctx context.Context, spec *corev1.Pod) {
	if ctx.Err() != nil || a.config.Skip(spec) {
		return
	}
	if spec.Spec.NodeName == "" && spec.DeletionTimestamp == nil {
		a.wait.Go(func() { a.bind(ctx, spec) })
		return
	}
	if spec.Spec.NodeName != a.config.Node {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.pods[spec.UID]
	switch {
	case p != nil && spec.DeletionTimestamp != nil:
		p.end(grace(spec))
	case p != nil:
		p.update(spec)
	case spec.DeletionTimestamp != nil:
		a.wait.Go(func() { a.remove(ctx, spec) }) // never ran here
	case spec.Status.Phase != corev1.PodSucceeded && spec.Status.Phase != corev1.PodFailed:
		p = a.newPod(spec)
		a.pods[spec.UID] = p
		a.wait.Go(func() {
			p.run(ctx)
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.pods, spec.UID)
		})
	}
}

// gone ends a Pod that is no longer in the API: somebody deleted it by force.
func (a *Agent) gone(object any) {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	spec, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.pods[spec.UID]; p != nil {
		p.end(0)
	}
}

// find returns the running Pod of this name.
func (a *Agent) find(namespace, name string) (*pod, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.pods {
		if p.spec().Namespace == namespace && p.spec().Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("node: pod %s/%s does not run here", namespace, name)
}

// Sandbox returns the sandbox of a running Pod, or nil.
func (a *Agent) Sandbox(namespace, name string) Sandbox {
	p, err := a.find(namespace, name)
	if err != nil {
		return nil
	}
	return p.sandbox()
}
