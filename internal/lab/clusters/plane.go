//go:build linux

package clusters

import (
	"context"
	"net/netip"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/lab/kubeapi"
	"github.com/meshpeer/meshpeer/internal/lab/node"
	"github.com/meshpeer/meshpeer/internal/lab/service"
)

// plane is the data plane of one cluster.
type plane struct {
	cancel context.CancelFunc
	table  *service.Table
	pods   *node.Agent
}

// startPlane starts the node agent's Pods, names and Services, then injection and the scenario's objects. The Pods come
// up after it returns: see awaitScenario.
func (c *Cluster) startPlane(ctx context.Context) error {
	if c.lab.plane == nil {
		return nil
	}
	life, cancel := context.WithCancel(context.Background())
	p := &plane{cancel: cancel}
	c.plane = p
	config, err := c.ConfigFor(userLab)
	if err != nil {
		return err
	}
	core, err := kubeapi.Core(config)
	if err != nil {
		return err
	}
	discovery, err := kubeapi.Discovery(config)
	if err != nil {
		return err
	}
	if err := c.net.Open(c.lab.plane.Flat); err != nil {
		return err
	}
	p.table = service.Watch(life, core, discovery)
	p.table.Proxy(life, core, c.net.Balancer)
	if err := p.table.Resolve(life, netip.AddrPortFrom(c.net.Node().Addr(), 53)); err != nil {
		return err
	}
	p.pods = node.Run(life, node.Config{
		Core: core, Node: c.nodeName(), HostIP: c.net.Node().Addr(),
		Dir: filepath.Join(c.dir, "pods"), Bin: c.lab.bin, Images: c.lab.images,
		Sandbox: c.newPodBox,
		Skip:    func(pod *corev1.Pod) bool { return pod.Spec.Containers[0].Image == istiodImage },
	})
	c.agent.setPods(p.pods)
	if c.injection == nil {
		return nil
	}
	if err := c.startInjection(ctx); err != nil {
		return err
	}
	return c.applyScenario(ctx)
}

func (c *Cluster) stopPlane() {
	if c.plane == nil {
		return
	}
	c.plane.cancel()
	if c.plane.pods != nil {
		c.plane.pods.Wait()
	}
	if c.plane.table != nil {
		c.plane.table.Wait()
	}
}

// preparePlane makes what all clusters of the lab share. Where there can be no data plane it says so and goes on without.
func (l *Lab) preparePlane(o DataPlane) error {
	var err error
	if l.envoy, err = l.home.DataPlane(); err != nil {
		l.skipped = err
		l.say("%s: control planes only", strings.TrimPrefix(err.Error(), "lab: "))
		return nil
	}
	l.plane = &o
	if l.bin, err = l.programs(); err != nil {
		return err
	}
	l.images, err = l.makeImages()
	return err
}
