//go:build linux

package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab/kubeapi"
	"github.com/meshpeer/meshpeer/internal/lab/network"
	"github.com/meshpeer/meshpeer/internal/lab/nft"
	"github.com/meshpeer/meshpeer/internal/lab/node"
	"github.com/meshpeer/meshpeer/internal/lab/service"
)

// Config says for which cluster a plane works. All fields are needed.
type Config struct {
	// API is the credential that the plane acts with; Node the name of the cluster's one Node.
	API  *rest.Config
	Node string
	// Net is the cluster's network. Flat leaves out the wall around it.
	Net  network.Network
	Flat bool
	// Dir is for files of the Pods (mode 0700), Bin the directory of Programs, Images what MakeImages made.
	Dir, Bin string
	Images   []node.Image
	Spawn    *network.Spawner
	// Skip says which Pods are run by others.
	Skip func(*corev1.Pod) bool
}

// Plane is the data plane of one cluster.
type Plane struct {
	config Config
	cancel context.CancelFunc
	table  *service.Table
	pods   *node.Agent
	made   atomic.Int32 // Pods: each has an address of its own
}

// Start starts the node agent's Pods, names and Services. They come up after it returns. Stop ends what a failed Start began.
func Start(c Config) (*Plane, error) {
	life, cancel := context.WithCancel(context.Background())
	p := &Plane{config: c, cancel: cancel}
	core, err := kubeapi.Core(c.API)
	if err != nil {
		return p, err
	}
	discovery, err := kubeapi.Discovery(c.API)
	if err != nil {
		return p, err
	}
	if err := c.Net.Open(c.Flat); err != nil {
		return p, err
	}
	p.table = service.Watch(life, core, discovery)
	p.table.Proxy(life, core, c.Net.Balancer)
	if err := p.table.Resolve(life, netip.AddrPortFrom(c.Net.Node().Addr(), 53)); err != nil {
		return p, err
	}
	p.pods = node.Run(life, node.Config{
		Core: core, Node: c.Node, HostIP: c.Net.Node().Addr(),
		Dir: filepath.Join(c.Dir, "pods"), Bin: c.Bin, Images: c.Images, Sandbox: p.newPodBox, Skip: c.Skip,
	})
	return p, nil
}

// Pods is the part that runs them.
func (p *Plane) Pods() *node.Agent { return p.pods }

// Stop ends Pods and Services and waits for them. A no-op for nil.
func (p *Plane) Stop() {
	if p == nil {
		return
	}
	p.cancel()
	if p.pods != nil {
		p.pods.Wait()
	}
	if p.table != nil {
		p.table.Wait()
	}
}

// firstPod leaves the addresses below to istiods.
const firstPod = 20

const resolvConf = "/etc/resolv.conf"

// newPodBox makes the sandbox of a Pod: an address on the cluster's bridge, the cluster's DNS, and the Pod's name as host
// name.
func (p *Plane) newPodBox(pod *corev1.Pod) (node.Sandbox, error) {
	box, err := p.config.Net.Pod(firstPod + int(p.made.Add(1)))
	if err != nil {
		return nil, err
	}
	resolver := filepath.Join(p.config.Dir, "resolv-"+pod.Namespace)
	text := fmt.Sprintf("nameserver %s\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
		p.config.Net.Node().Addr(), pod.Namespace)
	if err := replace(resolver, text); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if box.Views, err = network.NewViews(pod.Name, map[string]string{resolvConf: resolver}); err != nil {
		return nil, err
	}
	return podBox{box, p}, nil
}

// replace makes a file that other Pods may be reading: it is never seen half written, and theirs stays as it is.
func replace(path, text string) error {
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// redirect is istio-init: it sends the Pod's traffic through the sidecar.
func redirect(box node.Sandbox, args []string) error {
	rules, err := nft.ParseRedirect(args)
	if err != nil {
		return err
	}
	return rules.Apply(box.(podBox).Namespace())
}
