//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe runs the startup probe and then the readiness probe until ctx ends. Until a probe's first success it is repeated
// quickly, whatever its period: a lab has no load to spare its containers.
func (c *container) probe(ctx context.Context) {
	if p := c.spec.StartupProbe; p != nil {
		for !c.passes(ctx, p) {
			if !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
		c.set(true, c.spec.ReadinessProbe == nil)
	}
	p := c.spec.ReadinessProbe
	if p == nil {
		return
	}
	for failures, ready := int32(0), false; ; {
		wait := graceOf(p.PeriodSeconds)
		if c.passes(ctx, p) {
			failures, ready = 0, true
		} else if failures++; failures >= max(1, p.FailureThreshold) {
			ready = false
		}
		c.set(true, ready)
		if !ready {
			wait = 100 * time.Millisecond
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// set notes what a probe found, if the process it was asked of still runs.
func (c *container) set(started, ready bool) {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if c.state.Running == nil || c.started == started && c.ready == ready {
		return
	}
	c.started, c.ready = started, ready
	c.pod.changed()
}

func (c *container) passes(ctx context.Context, p *corev1.Probe) bool {
	ctx, cancel := context.WithTimeout(ctx, graceOf(p.TimeoutSeconds))
	defer cancel()
	switch {
	case p.HTTPGet != nil:
		return c.get(ctx, p.HTTPGet) == nil
	case p.TCPSocket != nil:
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", c.at(p.TCPSocket.Host, p.TCPSocket.Port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	case p.Exec != nil:
		_, err := c.output(ctx, p.Exec.Command)
		return err == nil
	}
	return true
}

// get is a kubelet's check: any status from 200 to 399 passes.
func (c *container) get(ctx context.Context, action *corev1.HTTPGetAction) error {
	if action.Scheme == corev1.URISchemeHTTPS {
		return errors.New("node: probes over https are not supported")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.at(action.Host, action.Port)+action.Path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	for _, h := range action.HTTPHeaders {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("node: status %d", response.StatusCode)
	}
	return nil
}

func (c *container) at(host string, port intstr.IntOrString) string {
	if host == "" {
		host = c.pod.sandbox().Addr().String()
	}
	n := port.IntValue()
	for _, p := range c.spec.Ports {
		if p.Name == port.StrVal && port.Type == intstr.String {
			n = int(p.ContainerPort)
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(n))
}
