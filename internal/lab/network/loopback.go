//go:build linux

package network

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netns"
)

// loopbacked is the network of a cluster where namespaces are forbidden: addresses 127.<random>.<index>.0/24 that no
// other program is likely to use, and on each of them ports that were free a moment ago.
type loopbacked struct {
	index, random     byte
	serverAt, agentAt netip.AddrPort
}

func newLoopbacked(index int) (*loopbacked, error) {
	var seed [1]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, err
	}
	l := &loopbacked{index: byte(index), random: 64 + seed[0]%128}
	var err error
	if l.agentAt, err = freePort(l.host(1)); err != nil {
		return nil, err
	}
	l.serverAt, err = freePort(l.host(2))
	return l, err
}

func (l *loopbacked) host(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, l.random, l.index, byte(n)})
}

func (l *loopbacked) Node() netip.AddrPort   { return l.agentAt }
func (l *loopbacked) Server() netip.AddrPort { return l.serverAt }
func (l *loopbacked) Close() error           { return nil }

func (l *loopbacked) Drop(*Box) error         { return nil }
func (l *loopbacked) Open(bool) error         { return errors.New("lab: pods need network namespaces") }
func (l *loopbacked) Balancer(int) netip.Addr { return netip.Addr{} }

// Advertise is an address of TEST-NET-1: nothing in this mode follows it.
func (l *loopbacked) Advertise() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, l.index}) }

func (l *loopbacked) Pod(n int, ports ...int) (*Box, error) {
	box := &Box{Addr: l.host(10 + n), ns: netns.None(), ports: map[int]int{}}
	for _, port := range ports {
		free, err := freePort(box.Addr)
		if err != nil {
			return nil, err
		}
		box.ports[port] = int(free.Port())
	}
	return box, nil
}

func freePort(addr netip.Addr) (netip.AddrPort, error) {
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("lab: free port on %s: %w", addr, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort(), nil
}
