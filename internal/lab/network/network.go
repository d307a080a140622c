//go:build linux

package network

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// MaxClusters of one program: the index is a byte of their addresses and service ranges.
const MaxClusters = 99

// New makes the network of the cluster with an index from 1: in namespaces, or on loopback addresses.
func New(index int, loopback bool) (Network, error) {
	if index > MaxClusters {
		return nil, fmt.Errorf("lab: no addresses left after %d clusters in one program", MaxClusters)
	}
	if loopback {
		return newLoopbacked(index)
	}
	return newBridged(index)
}

// Network gives a cluster its addresses: a bridge and network namespaces, or parts of 127.0.0.0/8.
type Network interface {
	// Server and node are where kube-apiserver and the node agent listen.
	Server() netip.AddrPort
	Node() netip.AddrPort
	// Advertise is what kube-apiserver publishes as its address; it refuses loopback ones there.
	Advertise() netip.Addr
	// Pod makes the network of the n-th pod, n from 1. The ports are those that will be listened on.
	Pod(n int, ports ...int) (*Box, error)
	// Drop takes one pod's network away again.
	Drop(box *Box) error
	// Open readies the network for Pods that talk to each other: Services and load balancers, see reach.go.
	Open(flat bool) error
	Balancer(n int) netip.Addr
	Close() error
}

// Listen is the value of a flag such as --httpAddr: where a process of the pod listens to be found at a well-known port.
func (b *Box) Listen(port int) string {
	if b.ns.IsOpen() {
		return ":" + strconv.Itoa(port) // all of its own addresses, 127.0.0.1 among them
	}
	return net.JoinHostPort(b.Addr.String(), strconv.Itoa(b.ports[port]))
}
