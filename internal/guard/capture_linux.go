package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"time"
)

// capture collects what is sent to anything but loopback addresses.
type capture struct {
	fd   int
	file *os.File
	done chan struct{}
	left departures
}

func startCapture() (*capture, error) {
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	//lint:ignore SA1019 the replacement is golang.org/x/net, a dependency more for one call
	if err := syscall.AttachLsf(fd, filter()); err != nil {
		return nil, fmt.Errorf("filter of the packet socket: %w", err)
	}
	all := binary.NativeEndian.Uint16([]byte{0, syscall.ETH_P_ALL}) // in network byte order
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: loopback}); err != nil {
		return nil, fmt.Errorf("bind the packet socket: %w", err)
	}
	c := &capture{fd: fd, file: os.NewFile(uintptr(fd), "packets"), done: make(chan struct{})}
	go c.read()
	return c, nil
}

func (c *capture) read() {
	defer close(c.done)
	packet := make([]byte, 65536)
	for {
		n, err := c.file.Read(packet)
		if err != nil {
			return
		}
		c.left.add(packet[:n])
	}
}

// stop returns all that left. A packet is in the socket's queue before the call that sent it returns.
func (c *capture) stop() []string {
	if err := c.file.SetReadDeadline(time.Now()); err != nil {
		return []string{"the capture failed: " + err.Error()}
	}
	<-c.done
	packet := make([]byte, 65536)
	for {
		n, err := syscall.Read(c.fd, packet)
		if err != nil {
			return c.left.list()
		}
		c.left.add(packet[:n])
	}
}

// filter keeps the traffic between loopback addresses out of the socket's queue, which would overflow.
func filter() []syscall.SockFilter {
	const (
		load, loadByte = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, syscall.BPF_LD | syscall.BPF_B | syscall.BPF_ABS
		equal          = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		result         = syscall.BPF_RET | syscall.BPF_K
		direction      = 1<<32 - 0x1000 + 4 // SKF_AD_OFF + SKF_AD_PKTTYPE
		protocol       = 1<<32 - 0x1000     // SKF_AD_OFF + SKF_AD_PROTOCOL
		outgoing       = 4                  // PACKET_OUTGOING: every packet passes lo twice
	)
	return []syscall.SockFilter{
		{Code: load, K: direction},
		{Code: equal, K: outgoing, Jf: 14},
		{Code: load, K: protocol},
		{Code: equal, K: syscall.ETH_P_IP, Jf: 2},
		{Code: loadByte, K: 16}, // first byte of the destination
		{Code: equal, K: 127, Jt: 10, Jf: 9},
		{Code: equal, K: syscall.ETH_P_IPV6, Jf: 8},
		{Code: load, K: 24}, // the destination, word by word, is ::1
		{Code: equal, K: 0, Jf: 6},
		{Code: load, K: 28},
		{Code: equal, K: 0, Jf: 4},
		{Code: load, K: 32},
		{Code: equal, K: 0, Jf: 2},
		{Code: load, K: 36},
		{Code: equal, K: 1, Jt: 1},
		{Code: result, K: 1<<32 - 1},
		{Code: result, K: 0},
	}
}
