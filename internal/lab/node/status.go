//go:build linux

package node

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// report writes the status after each change until ctx ends; changes that come together are written together.
func (p *pod) report(ctx context.Context) {
	for {
		_ = p.agent.putStatus(ctx, p.spec(), p.status())
		if !pause(ctx, 20*time.Millisecond) {
			return
		}
		select {
		case <-p.dirty:
		case <-ctx.Done():
			return
		}
	}
}

func (p *pod) status() corev1.PodStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := corev1.PodStatus{
		Phase: corev1.PodPending, StartTime: &p.began, HostIP: p.agent.config.HostIP.String(), Message: p.trouble,
		HostIPs: []corev1.HostIP{{IP: p.agent.config.HostIP.String()}},
	}
	if p.box != nil {
		s.PodIP = p.box.Addr().String()
		s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
	}
	ready := p.initialized
	for _, c := range p.init {
		s.InitContainerStatuses = append(s.InitContainerStatuses, c.status())
		ready = ready && (c.ready || !c.sidecar)
	}
	for _, c := range p.main {
		s.ContainerStatuses = append(s.ContainerStatuses, c.status())
		ready = ready && c.ready
	}
	if p.initialized {
		s.Phase = corev1.PodRunning
	}
	if p.final != "" {
		s.Phase = p.final
	}
	s.Conditions = []corev1.PodCondition{
		p.condition(corev1.PodScheduled, true),
		p.condition(corev1.PodInitialized, p.initialized),
		p.condition(corev1.ContainersReady, ready),
		p.condition(corev1.PodReady, ready),
	}
	return s
}

// condition keeps the time of the last change.
func (p *pod) condition(kind corev1.PodConditionType, holds bool) corev1.PodCondition {
	status := corev1.ConditionFalse
	if holds {
		status = corev1.ConditionTrue
	}
	c, ok := p.since[kind]
	if !ok || c.Status != status {
		c = corev1.PodCondition{Type: kind, Status: status, LastTransitionTime: metav1.Now()}
		p.since[kind] = c
	}
	return c
}

// status is called with the pod's mutex held.
func (c *container) status() corev1.ContainerStatus {
	started := c.started
	s := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image, ContainerID: "lab://" + c.spec.Name,
		State: c.state, RestartCount: c.restarts, Started: &started,
		Ready: c.ready || !c.sidecar && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0 && c.isInit(),
	}
	if c.restarts > 0 {
		s.LastTerminationState = c.last
	}
	return s
}

func (c *container) isInit() bool {
	for _, other := range c.pod.init {
		if other == c {
			return true
		}
	}
	return false
}
