package main

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func ip(to string, proto byte, payload []byte) []byte {
	if a := netip.MustParseAddr(to); a.Is4() {
		header := make([]byte, 20)
		header[0], header[9] = 0x45, proto
		copy(header[16:], a.AsSlice())
		return append(header, payload...)
	}
	header := make([]byte, 40)
	header[0], header[6] = 0x60, proto
	copy(header[24:], netip.MustParseAddr(to).AsSlice())
	return append(header, payload...)
}

func tcp(port uint16, flags byte) []byte {
	header := make([]byte, 20)
	binary.BigEndian.PutUint16(header[2:], port)
	header[13] = flags
	return header
}

func udp(port uint16, payload string) []byte {
	header := make([]byte, 8)
	binary.BigEndian.PutUint16(header[2:], port)
	return append(header, payload...)
}

func TestDestination(t *testing.T) {
	const query = "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x04east\x00\x00\x01\x00\x01"
	for _, c := range []struct {
		packet []byte
		want   string
	}{
		{ip("192.0.2.1", protoTCP, tcp(443, 0x02)), "TCP to 192.0.2.1:443"},
		{ip("2001:db8::1", protoTCP, tcp(443, 0xc2)), "TCP to [2001:db8::1]:443"},
		{ip("192.0.2.1", protoTCP, tcp(443, 0x12)), ""},
		{ip("192.0.2.1", protoTCP, tcp(443, 0x14)), ""},
		{ip("127.0.0.1", protoTCP, tcp(443, 0x02)), ""},
		{ip("::1", protoUDP, udp(1, "")), ""},
		{ip("192.0.2.1", protoUDP, udp(53, query)), `lookup of "api.east." at UDP 192.0.2.1:53`},
		{ip("192.0.2.1", protoUDP, udp(54, query)), "UDP to 192.0.2.1:54"},
		{ip("192.0.2.1", protoUDP, udp(53, "no query at all")), "UDP to 192.0.2.1:53"},
		{ip("192.0.2.1", protoUDP, udp(53, query[:18])), "UDP to 192.0.2.1:53"},
		{ip("192.0.2.1", protoICMP, []byte{8, 0}), "ping of 192.0.2.1"},
		{ip("192.0.2.1", protoICMP, []byte{3, 3}), ""},
		{ip("2001:db8::1", protoICMPv6, []byte{128}), "ping of 2001:db8::1"},
		{ip("ff02::16", protoICMPv6, []byte{143}), ""},
		{ip("2001:db8::1", 0, append([]byte{protoUDP, 0, 0, 0, 0, 0, 0, 0}, udp(9, "")...)), "UDP to [2001:db8::1]:9"},
		{ip("192.0.2.1", 132, nil), "IP protocol 132 to 192.0.2.1"},
		{ip("192.0.2.1", protoTCP, nil), "IP protocol 6 to 192.0.2.1"},
		{[]byte{0x45}, "a packet that is not IP"},
		{nil, "a packet that is not IP"},
	} {
		require.Equal(t, c.want, destination(c.packet), "%x", c.packet)
	}
}

func TestDepartures(t *testing.T) {
	var d departures
	require.Empty(t, d.list())
	for _, to := range []string{"192.0.2.9", "127.0.0.1", "192.0.2.1", "192.0.2.9"} {
		d.add(ip(to, protoTCP, tcp(80, 2)))
	}
	require.Equal(t, []string{"TCP to 192.0.2.9:80 (2 packets)", "TCP to 192.0.2.1:80 (1 packet)"}, d.list())
}

func FuzzDestination(f *testing.F) {
	f.Add(ip("192.0.2.1", protoUDP, udp(53, "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x00")))
	f.Add(ip("2001:db8::1", 0, make([]byte, 8)))
	f.Fuzz(func(t *testing.T, packet []byte) { destination(packet) })
}
