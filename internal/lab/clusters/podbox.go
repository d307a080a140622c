//go:build linux

package clusters

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/lab/nft"
	"github.com/meshpeer/meshpeer/internal/lab/node"

	"github.com/meshpeer/meshpeer/internal/lab/network"
)

// podBox is a sandbox as the node agent wants it.
type podBox struct {
	*network.Box
	cluster *Cluster
}

var _ node.Sandbox = podBox{}

// firstPod leaves the addresses below to istiods.
const firstPod = 20

// newPodBox makes the sandbox of a Pod: an address on the cluster's bridge, the cluster's DNS, and the Pod's name as host
// name.
func (c *Cluster) newPodBox(pod *corev1.Pod) (node.Sandbox, error) {
	n := firstPod + int(c.pods.Add(1))
	box, err := c.net.Pod(n)
	if err != nil {
		return nil, err
	}
	resolver := filepath.Join(c.dir, "resolv-"+pod.Namespace)
	text := fmt.Sprintf("nameserver %s\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
		c.net.Node().Addr(), pod.Namespace)
	if err := os.WriteFile(resolver, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if box.Views, err = network.NewViews(pod.Name, map[string]string{resolvConf: resolver}); err != nil {
		return nil, err
	}
	return podBox{box, c}, nil
}

const resolvConf = "/etc/resolv.conf"

func (b podBox) Addr() netip.Addr { return b.Box.Addr }

func (b podBox) Start(cmd *exec.Cmd) error { return b.cluster.lab.home.Spawn.Start(cmd, b.Box) }

func (b podBox) Dial(ctx context.Context, port int) (net.Conn, error) { return b.Box.Dial(ctx, port) }

func (b podBox) Close() error { return b.cluster.net.Drop(b.Box) }

// redirect is istio-init: it sends the Pod's traffic through the sidecar.
func redirect(box node.Sandbox, args []string) error {
	rules, err := nft.ParseRedirect(args)
	if err != nil {
		return err
	}
	return rules.Apply(box.(podBox).Namespace())
}
