//go:build linux

package service

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// Proxy listens at the addresses of all Services until ctx ends. A Service of type LoadBalancer gets an address first: the
// n-th one, n from 1, of balancer.
func (t *Table) Proxy(ctx context.Context, core rest.Interface, balancer func(n int) netip.Addr) {
	p := &proxy{ctx: ctx, table: t, open: map[string]*front{}}
	b := &balance{core: core, address: balancer, given: map[types.UID]netip.Addr{}}
	t.wait.Go(func() {
		retry := time.NewTicker(time.Second) // an address may come later than its Service
		defer retry.Stop()
		for {
			b.assign(ctx, t.services.List())
			p.settle(t.wanted())
			select {
			case <-t.changed:
			case <-retry.C:
			case <-ctx.Done():
				p.settle(nil)
				return
			}
		}
	})
}

type proxy struct {
	ctx   context.Context
	table *Table
	open  map[string]*front
}

// front is one address that is listened at.
type front struct {
	listener net.Listener

	mu   sync.Mutex
	ends []netip.AddrPort
}

// settle opens what is wanted and closes what is not.
func (p *proxy) settle(want map[string][]netip.AddrPort) {
	for address, f := range p.open {
		if _, ok := want[address]; !ok {
			_ = f.listener.Close()
			delete(p.open, address)
		}
	}
	for address, ends := range want {
		f := p.open[address]
		if f == nil {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				continue // again with the next change or tick
			}
			f = &front{listener: listener}
			p.open[address] = f
			p.table.wait.Go(func() { f.serve(p) })
		}
		f.mu.Lock()
		f.ends = ends
		f.mu.Unlock()
	}
}

func (f *front) serve(p *proxy) {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		p.table.wait.Go(func() { f.forward(p.ctx, conn) })
	}
}

// forward copies between a client and an endpoint. Where that endpoint is no longer there the client sees a reset.
func (f *front) forward(ctx context.Context, client net.Conn) {
	defer client.Close()
	f.mu.Lock()
	end := f.ends[rand.IntN(len(f.ends))]
	f.mu.Unlock()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	server, err := dialer.DialContext(ctx, "tcp", end.String())
	if err != nil {
		_ = client.(*net.TCPConn).SetLinger(0)
		return
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, err := io.Copy(way[1], way[0])
			if errors.Is(err, syscall.ECONNRESET) { // passed on as it is: STRICT mutual TLS refuses this way
				_ = way[1].(*net.TCPConn).SetLinger(0)
				_ = way[1].Close()
			}
			_ = way[1].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}
