//go:build linux

package network

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab/nft"
)

// serviceRange is the range of ClusterIPs of a cluster.
func serviceRange(index int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(100 + index), 0, 0}), 16)
}

// lastService ends the ranges of all clusters: see MaxClusters.
var lastService = netip.AddrFrom4([4]byte{10, 100 + MaxClusters, 255, 255})

func (b *bridged) services() netip.Prefix { return serviceRange(b.index) }

// Balancer is the n-th address of this cluster's load balancers, which all networks reach.
func (b *bridged) Balancer(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(b.index), byte(n)})
}

// Open makes the bridge a network that Pods can work in: ClusterIPs and load balancers become addresses of this program,
// and packets between bridges are forwarded, if flat, or refused.
func (b *bridged) Open(flat bool) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, p := range []netip.Prefix{b.services(), netip.PrefixFrom(b.Balancer(0), 24)} {
		route := &netlink.Route{ // a local route makes every address of p one to listen at
			LinkIndex: lo.Attrs().Index, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST,
			Dst: &net.IPNet{IP: net.IP(p.Addr().AsSlice()), Mask: net.CIDRMask(p.Bits(), 32)},
		}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("lab: route %s to this program: %w", p, err)
		}
		b.undo = append(b.undo, func() error { return netlink.RouteDel(route) })
	}
	if !flat {
		if err := b.wall().Apply(); err != nil {
			return err
		}
		b.undo = append(b.undo, b.wall().Remove)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}

// wall is what separates the Pods of this bridge from those of all others.
func (b *bridged) wall() nft.Wall {
	return nft.Wall{Bridge: b.link.Name, Services: b.services(), First: serviceRange(1).Addr(), Last: lastService}
}
