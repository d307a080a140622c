//go:build linux

package dataplane

import (
	"context"
	"net"
	"net/netip"
	"os/exec"

	"github.com/meshpeer/meshpeer/internal/lab/network"
	"github.com/meshpeer/meshpeer/internal/lab/node"
)

// podBox is a network.Box as the node agent wants it.
type podBox struct {
	*network.Box
	plane *Plane
}

var _ node.Sandbox = podBox{}

func (b podBox) Addr() netip.Addr { return b.Box.Addr }

func (b podBox) Start(cmd *exec.Cmd) error { return b.plane.config.Spawn.Start(cmd, b.Box) }

func (b podBox) Dial(ctx context.Context, port int) (net.Conn, error) { return b.Box.Dial(ctx, port) }

func (b podBox) Close() error { return b.plane.config.Net.Drop(b.Box) }
