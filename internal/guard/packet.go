package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// departures are the destinations of packets, in the order of the first packet to each.
type departures struct {
	order []string
	count map[string]int
}

func (d *departures) add(packet []byte) {
	to := destination(packet)
	if to == "" {
		return
	}
	if d.count == nil {
		d.count = map[string]int{}
	}
	if d.count[to] == 0 {
		d.order = append(d.order, to)
	}
	d.count[to]++
}

func (d *departures) list() (out []string) {
	for _, to := range d.order {
		packets := "1 packet"
		if n := d.count[to]; n > 1 {
			packets = fmt.Sprintf("%d packets", n)
		}
		out = append(out, to+" ("+packets+")")
	}
	return out
}

const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// destination says where an IP packet goes and by what, or "" for a packet that no program meant to send: one to loopback,
// the kernel's answer to another packet, and the neighbor discovery of IPv6.
func destination(packet []byte) string {
	to, proto, rest, ok := split(packet)
	if !ok {
		return "a packet that is not IP"
	}
	if to.IsLoopback() {
		return ""
	}
	switch {
	case proto == protoTCP && len(rest) >= 20:
		if rest[13]&0x12 != 0x02 { // SYN without ACK: the first packet of whoever connects
			return ""
		}
		return "TCP to " + port(to, rest)
	case proto == protoUDP && len(rest) >= 8:
		if name := question(rest[8:]); name != "" && binary.BigEndian.Uint16(rest[2:]) == 53 {
			return fmt.Sprintf("lookup of %q at UDP %s", name, port(to, rest))
		}
		return "UDP to " + port(to, rest)
	case proto == protoICMP && len(rest) > 0:
		if rest[0] != 8 {
			return ""
		}
		return "ping of " + to.String()
	case proto == protoICMPv6 && len(rest) > 0:
		if rest[0] != 128 {
			return ""
		}
		return "ping of " + to.String()
	}
	return fmt.Sprintf("IP protocol %d to %s", proto, to)
}

func port(to netip.Addr, transport []byte) string {
	return netip.AddrPortFrom(to, binary.BigEndian.Uint16(transport[2:])).String()
}

// split takes the IP header off.
func split(packet []byte) (to netip.Addr, proto byte, rest []byte, ok bool) {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		header := int(packet[0]&15) * 4
		return netip.AddrFrom4([4]byte(packet[16:20])), packet[9], packet[min(header, len(packet)):], true
	case len(packet) >= 40 && packet[0]>>4 == 6:
		proto, rest = packet[6], packet[40:]
		for (proto == 0 || proto == 43 || proto == 60) && len(rest) >= 8 { // hop-by-hop, routing, destination options
			proto, rest = rest[0], rest[min(8+8*int(rest[1]), len(rest)):]
		}
		return netip.AddrFrom16([16]byte(packet[24:40])), proto, rest, true
	}
	return to, 0, nil, false
}

// question is the first name that a DNS query asks for.
func question(message []byte) string {
	if len(message) < 13 {
		return ""
	}
	var labels []string
	for rest := message[12:]; ; {
		length := int(rest[0])
		if length == 0 {
			return strings.Join(labels, ".") + "."
		}
		if length > 63 || len(rest) < length+2 {
			return ""
		}
		labels = append(labels, string(rest[1:1+length]))
		rest = rest[1+length:]
	}
}
