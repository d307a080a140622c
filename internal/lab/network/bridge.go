//go:build linux

package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// bridged is the network of a cluster in namespace mode: 10.<index>.0.0/16 on a bridge in the program's namespace.
type bridged struct {
	index int
	link  *netlink.Bridge
	undo  []func() error // what open did

	mu    sync.Mutex
	boxes []*Box
}

func newBridged(index int) (*bridged, error) {
	b := &bridged{index: index}
	b.link = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{
		Name: fmt.Sprintf("lab%d", index),
		// A bridge without an address of its own takes the lowest of its ports' and changes it as Pods come and go, while
		// their neighbours still send to the old one.
		HardwareAddr: net.HardwareAddr{0x02, 'l', 'a', 'b', 0, byte(index)},
	}}
	if err := netlink.LinkAdd(b.link); err != nil {
		return nil, fmt.Errorf("lab: add bridge %s: %w", b.link.Name, err)
	}
	for _, a := range []netip.Addr{b.host(1), b.host(2)} {
		if err := netlink.AddrAdd(b.link, address(a)); err != nil {
			return nil, errors.Join(fmt.Errorf("lab: add address %s: %w", a, err), b.Close())
		}
	}
	if err := netlink.LinkSetUp(b.link); err != nil {
		return nil, errors.Join(fmt.Errorf("lab: set bridge %s up: %w", b.link.Name, err), b.Close())
	}
	return b, nil
}

func (b *bridged) host(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(b.index), byte(n >> 8), byte(n)})
}
func (b *bridged) Node() netip.AddrPort   { return netip.AddrPortFrom(b.host(1), 10250) }
func (b *bridged) Server() netip.AddrPort { return netip.AddrPortFrom(b.host(2), 6443) }
func (b *bridged) Advertise() netip.Addr  { return b.host(2) }

// Pod makes a namespace with loopback up and an eth0 on the bridge. Every port is free there.
func (b *bridged) Pod(n int, _ ...int) (*Box, error) {
	ns, err := newNamespace()
	if err != nil {
		return nil, err
	}
	box := &Box{Addr: b.host(10 + n), ns: ns, link: fmt.Sprintf("lab%d-%d", b.index, n)}
	if err := b.plug(box); err != nil {
		return nil, errors.Join(fmt.Errorf("lab: network of pod %s: %w", box.Addr, err), ns.Close())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.boxes = append(b.boxes, box)
	return box, nil
}

func (b *bridged) plug(box *Box) error {
	pair := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: box.link, MasterIndex: b.link.Index},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(box.ns),
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(pair); err != nil {
		return err
	}
	in, err := netlink.NewHandleAt(box.ns, unix.NETLINK_ROUTE) // not all of netlink: a kernel may lack the packet filter's
	if err != nil {
		return err
	}
	defer in.Close()
	for _, name := range []string{"lo", "eth0"} {
		link, err := in.LinkByName(name)
		if err != nil {
			return err
		}
		if name == "eth0" {
			if err := in.AddrAdd(link, address(box.Addr)); err != nil {
				return err
			}
		}
		if err := in.LinkSetUp(link); err != nil {
			return err
		}
	}
	return in.RouteAdd(&netlink.Route{Gw: net.IP(b.host(1).AsSlice())})
}

// Drop takes one pod's network away.
func (b *bridged) Drop(box *Box) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.boxes, box); i >= 0 {
		b.boxes = slices.Delete(b.boxes, i, i+1)
		err := netlink.LinkDel(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: box.link}})
		return errors.Join(err, box.ns.Close(), box.Views.close())
	}
	return nil
}

// Close drops the namespaces (the kernel takes a veth pair away with one of its ends) and the bridge.
func (b *bridged) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, box := range b.boxes {
		errs = append(errs, box.ns.Close(), box.Views.close())
		box.ns = netns.None()
	}
	b.boxes = nil
	for _, undo := range b.undo {
		errs = append(errs, undo())
	}
	return errors.Join(append(errs, netlink.LinkDel(b.link))...)
}

func address(a netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: net.IP(a.AsSlice()), Mask: net.CIDRMask(16, 32)}}
}

// LoopbackUp is what a new network namespace needs first.
func LoopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
