package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"syscall"
)

const loopback = 1 // its index in every network namespace

// allToLoopback brings the loopback interface up and makes every address of IPv4 and IPv6 one of its own. So a dial needs
// no other device, meets a closed port at once, and its packets pass the capture.
func allToLoopback() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer syscall.Close(fd)
	up := syscall.IfInfomsg{Index: loopback, Flags: syscall.IFF_UP, Change: syscall.IFF_UP}
	if err := change(fd, syscall.RTM_NEWLINK, 0, up, nil); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	for _, name := range []string{"all", "lo"} { // as good as we can: the route below tells
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("0"), 0)
	}
	for family, self := range map[uint8]netip.Addr{syscall.AF_INET: netip.AddrFrom4([4]byte{127, 0, 0, 1}), syscall.AF_INET6: netip.IPv6Loopback()} {
		route := syscall.RtMsg{
			Family: family, Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_STATIC,
			Scope: syscall.RT_SCOPE_HOST, Type: syscall.RTN_LOCAL,
		}
		source := self.AsSlice() // without it multicast is refused before a packet leaves
		attributes := []any{
			syscall.RtAttr{Len: 8, Type: syscall.RTA_OIF},
			uint32(loopback),
			syscall.RtAttr{Len: uint16(4 + len(source)), Type: syscall.RTA_PREFSRC},
			source,
		}
		if err := change(fd, syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE, route, attributes); err != nil {
			return fmt.Errorf("route beside %s: %w", self, err)
		}
	}
	return nil
}

// change sends one request and waits for its acknowledgment.
func change(fd int, kind, flags uint16, body any, attributes []any) error {
	var b bytes.Buffer
	for _, part := range append([]any{body}, attributes...) {
		if err := binary.Write(&b, binary.NativeEndian, part); err != nil {
			return err
		}
	}
	header := syscall.NlMsghdr{
		Len: uint32(syscall.NLMSG_HDRLEN + b.Len()), Type: kind,
		Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | flags,
	}
	var message bytes.Buffer
	if err := binary.Write(&message, binary.NativeEndian, header); err != nil {
		return err
	}
	message.Write(b.Bytes())
	if err := syscall.Sendto(fd, message.Bytes(), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) != 1 || messages[0].Header.Type != syscall.NLMSG_ERROR || len(messages[0].Data) < 4 {
		return fmt.Errorf("netlink: unexpected answer (%w)", err)
	}
	if errno := -int32(binary.NativeEndian.Uint32(messages[0].Data)); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}
