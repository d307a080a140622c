//go:build linux

package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"

	"github.com/vishvananda/netns"
)

// Box is the network of one pod: a namespace of its own, or in loopback mode an address and free ports.
type Box struct {
	Addr  netip.Addr     // the pod's address
	ns    netns.NsHandle // not open in loopback mode
	ports map[int]int    // loopback mode: the real port behind a well-known one
	link  string         // namespace mode: the host's end of its cable
	Views *Views         // nil: the program's own file system and host name
}

// Dial connects to a port of the pod as a process inside it would, from loopback to loopback.
func (b *Box) Dial(ctx context.Context, port int) (net.Conn, error) {
	var dialer net.Dialer
	if !b.ns.IsOpen() {
		real, ok := b.ports[port]
		if !ok {
			return nil, fmt.Errorf("lab: nothing listens on port %d of this pod", port)
		}
		return dialer.DialContext(ctx, "tcp", net.JoinHostPort(b.Addr.String(), strconv.Itoa(real)))
	}
	var conn net.Conn
	err := b.inside(func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		return err
	})
	return conn, err
}

// inside runs fn on a thread in the pod's namespace. The thread is thrown away: it ends with its locked goroutine.
func (b *Box) inside(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(b.ns); err != nil {
			done <- fmt.Errorf("lab: enter network namespace: %w", err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// newNamespace makes a network namespace that lives as long as its handle, and the processes in it.
func newNamespace() (netns.NsHandle, error) {
	type result struct {
		ns  netns.NsHandle
		err error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		ns, err := netns.New()
		done <- result{ns, err}
	}()
	r := <-done
	if r.err != nil {
		return netns.None(), fmt.Errorf("lab: new network namespace: %w", r.err)
	}
	return r.ns, nil
}

// Namespace is the pod's network namespace; it is not open in loopback mode.
func (b *Box) Namespace() netns.NsHandle { return b.ns }
