//go:build linux

package service

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolve answers DNS questions at an address (UDP) until ctx ends. Names of the cluster have A records and nothing else;
// all other names do not exist: a lab has no network outside.
func (t *Table) Resolve(ctx context.Context, at netip.AddrPort) error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return errorf("DNS at %s: %w", at, err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	t.wait.Go(func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			if reply, err := t.answer(buffer[:n]); err == nil {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	})
	return nil
}

func (t *Table) answer(question []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(question)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	addresses, ok := t.resolve(q.Name.String())
	reply := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{q},
	}
	if !ok && !strings.EqualFold(q.Name.String(), "cluster.local.") {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addresses {
		if q.Type == dnsmessage.TypeA {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 5},
				Body:   &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	return reply.Pack()
}
