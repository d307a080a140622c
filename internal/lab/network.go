//go:build linux

package lab

import (
	"net"
	"net/netip"
	"strconv"
)

// Ports of istiod as Istio's charts name them (manifests/charts/istio-control/istio-discovery/templates/service.yaml).
const (
	portXDSPlain = 15010
	portXDS      = 15012
	portMonitor  = 15014
	portHTTP     = 8080
)

// network gives a cluster its addresses: a bridge and network namespaces, or parts of 127.0.0.0/8.
type network interface {
	// server and node are where kube-apiserver and the node agent listen.
	server() netip.AddrPort
	node() netip.AddrPort
	// advertise is what kube-apiserver publishes as its address; it refuses loopback ones there.
	advertise() netip.Addr
	// pod makes the network of the n-th pod, n from 1. The ports are those that will be listened on.
	pod(n int, ports ...int) (*sandbox, error)
	// drop takes one pod's network away again.
	drop(box *sandbox) error
	// open readies the network for Pods that talk to each other: Services and load balancers, see reach.go.
	open(flat bool) error
	balancer(n int) netip.Addr
	close() error
}

// listen is the value of a flag such as --httpAddr: where a process of the pod listens to be found at a well-known port.
func (b *sandbox) listen(port int) string {
	if b.ns.IsOpen() {
		return ":" + strconv.Itoa(port) // all of its own addresses, 127.0.0.1 among them
	}
	return net.JoinHostPort(b.addr.String(), strconv.Itoa(b.ports[port]))
}
